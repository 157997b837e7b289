"""The demo's result for people: one table, the statistical bound in words, and a picture of the split."""

from dataclasses import dataclass
from pathlib import Path

from crossfade.console import out, table
from crossfade.traffic.split import Band
from crossfade.traffic.types import Result

NAMES = {"grpc": "gRPC", "rest": "REST"}


@dataclass(frozen=True)
class Measured:
    """One run beside what was declared."""

    result: Result
    bands: list[Band]

    @property
    def good(self) -> bool:
        """No failure, every request sent, and every version in its band."""
        return not self.result.failed and self.result.complete and all(band.inside for band in self.bands)


@dataclass(frozen=True)
class Matched:
    """A run with the headers of one match rule, all of which must reach `version`."""

    result: Result
    headers: dict[str, str]
    version: str

    @property
    def good(self) -> bool:
        """Whether every request was answered by the rule's version."""
        return self.hits == self.result.requests and self.result.complete

    @property
    def hits(self) -> int:
        """The requests that the rule's version answered."""
        found = self.result.versions.get(self.version)
        return found.requests if found else 0


def show(runs: list[Measured], matches: list[Matched]) -> None:
    """Print the table, a row for each protocol and version, and what it means."""
    rows = table("api", "version", "declared", "observed", "requests", "failures", "accuracy", "p50 ms", "p99 ms")
    for run in runs:
        name = NAMES[run.result.protocol]
        for band in run.bands:
            version = run.result.versions.get(band.version)
            rows.add_row(
                name,
                band.version,
                f"{band.declared:.1%}",
                f"{band.observed:.1%}",
                str(band.requests),
                "0",
                f"{version.accuracy:.2%}" if version else "-",
                f"{version.p50:.2f}" if version else "-",
                f"{version.p99:.2f}" if version else "-",
            )
        # A failed call has no answer, and so no version of its own.
        if run.result.failed:
            rows.add_row(name, "(none)", "", "", "", f"[red]{run.result.failed}[/]", "", "", "")
        rows.add_section()
    out.print(rows)
    for run in runs:
        if run.result.failed:
            codes = ", ".join(f"{code}: {count}" for code, count in run.result.failures.items())
            out.print(f"[red]{NAMES[run.result.protocol]} failures, none retried: {codes}[/]")
        for band in run.bands:
            verdict = "inside" if band.inside else "[red]outside[/]"
            out.print(
                f"{NAMES[run.result.protocol]} {band.version}: {band.observed:.2%} is {verdict} the 3-sigma band "
                f"{band.low:.2%} to {band.high:.2%} of {run.result.answered} answers at {band.declared:.0%}",
                soft_wrap=True,
            )
    for match in matches:
        headers = ", ".join(f"{name}: {value}" for name, value in match.headers.items())
        colour = "" if match.good else "[red]"
        out.print(
            f"{colour}{NAMES[match.result.protocol]} with {headers}: "
            f"{match.hits} of {match.result.requests} requests reached {match.version}"
        )


def picture(runs: list[Measured], path: Path, server: str) -> None:
    """Draw declared and observed shares with the 3-sigma band to `path` (.png or .svg). `server` names what served."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    rows = [(run, band) for run in runs for band in run.bands]
    figure, axis = plt.subplots(figsize=(9, 1.5 + 0.62 * len(rows)), layout="constrained")
    colours = dict(
        zip(sorted({band.version for _, band in rows}), ("#2563a8", "#d9730d", "#2e7d4f", "#7a4fa3"), strict=False)
    )
    for place, (_, band) in enumerate(rows):
        axis.barh(place, band.observed * 100, height=0.55, color=colours.get(band.version, "#6b7280"), alpha=0.85)
        axis.barh(place, (band.high - band.low) * 100, left=band.low * 100, height=0.8, color="black", alpha=0.16)
        axis.plot([band.declared * 100] * 2, [place - 0.4, place + 0.4], color="black", linewidth=1.6)
        text = f"{band.observed:.1%}  ({band.requests} requests)"
        axis.text(max(band.observed, band.high) * 100 + 1, place, text, va="center", fontsize=9)
    axis.set_yticks(range(len(rows)), [f"{NAMES[run.result.protocol]}  {band.version}" for run, band in rows])
    axis.invert_yaxis()
    axis.set_xlim(0, 118)
    axis.set_xticks(range(0, 101, 10))
    axis.set_xlabel("share of requests, per cent; line: declared, grey: 3-sigma band of that share")
    axis.spines[["top", "right"]].set_visible(False)
    failures = sum(run.result.failed for run in runs)
    total = sum(run.result.requests for run in runs)
    axis.set_title(f"{total} requests through the gateway, {failures} failed, none retried\nby {server}", fontsize=10)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=144)
    plt.close(figure)
