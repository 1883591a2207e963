"""A sweep in a process of its own, that says a line for every cell and its results at the end: STORE FOLDER [STUCK]."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from sweep import toys

from fedroute_theory.sweep import Store, processes, run


def main():
    path, folder, *stuck = sys.argv[1:]
    more = {"stuck": int(stuck[0])} if stuck else {}
    cells = toys.cells(24, folder=folder, sleep=0.02, **more)
    print("begin", flush=True)
    with Store(path) as store:
        run(
            toys.marks_its_worker,
            cells,
            store=store,
            executors=processes(2),
            progress=lambda told: print(told.done, told.total, flush=True),
        )
        print(json.dumps(list(store.results(cells).values())))


if __name__ == "__main__":
    main()
