"""The main job, end to end: platform, two versions, a split, and the proof that it holds."""
