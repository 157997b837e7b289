module crossfade.dev/tools/pause

go 1.26
