#!/usr/bin/env python3
"""coverage.py BUILD [-v]: what coverage.sh counted, folder by folder. -v lists each branch that was never taken."""
import glob
import os
import sys

import branches

LEAST = 85  # per cent


def main():
    build, verbose = sys.argv[1], "-v" in sys.argv
    profiles = sorted(glob.glob(os.path.join(build, "profiles", "*.profraw")))
    programs = [path for path in sorted(glob.glob(os.path.join(build, "tests", "*")))
                if os.path.basename(path).startswith(("test_", "fuzz_")) and os.access(path, os.X_OK) and os.path.isfile(path)]
    times = branches.taken(profiles, [os.path.join(build, "larder"), *programs],
                           lambda path, name: path.startswith(("storage/", "server/")))
    folders = {}
    for place, count in times.items():
        folders.setdefault(os.path.dirname(place[0]), {})[place] = count
    for folder, part in sorted(folders.items()) + [("all", times)]:
        print(f"{folder:20} {sum(count > 0 for count in part.values()):6} of {len(part):6} branches  {branches.share(part):5.1f} %")
    for (path, line, column, name, side), count in sorted(times.items()):
        if verbose and count == 0:
            print(f"    {path}:{line}:{column}: {name}: never {side}")
    sys.exit(branches.share(times) < LEAST)


main()
