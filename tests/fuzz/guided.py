"""Coverage-guided runs by atheris, as a program: `python -m tests.fuzz.guided TARGET FOLDER [libFuzzer options]`.

The engine is not a dependency of the development environment: it is there for few Pythons and platforms only. Its
folder is put on PYTHONPATH by `python -m tests.fuzz`, which is what people start.
"""

import os
import random
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(
    include=["holdfast.core", "holdfast.control.uploads", "packaging", "tarfile", "email"], enable_loader_override=False
):
    from tests.fuzz.mutations import MUTATORS
    from tests.fuzz.seeds import seeds
    from tests.fuzz.targets import Tally, execute


def main() -> None:
    """Run until libFuzzer's own options say stop; a finding is left in the folder, and the status is not 0."""
    name, folder, options = sys.argv[1], Path(sys.argv[2]), sys.argv[3:]
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds(name)):
        (corpus / f"seed-{number:04}").write_bytes(seed)
    mutate = MUTATORS[name]
    tally = Tally()
    kept = os.open(folder / "last-input", os.O_CREAT | os.O_WRONLY, 0o600)

    def one(data: bytes) -> None:
        # Before anything can die: neither a kill for memory nor an abort in C leaves the engine time to write it.
        os.pwrite(kept, data, 0)
        os.ftruncate(kept, len(data))
        execute(name, data, tally)
        if tally.executions % 500 == 0:
            (folder / "tally").write_text(tally.sentence() + "\n")

    def custom(data: bytes, size_max: int, seed: int) -> bytes:
        return mutate(random.Random(seed), data)[:size_max]

    arguments = [sys.argv[0], f"-artifact_prefix={folder}/finding-", *options, str(corpus)]
    atheris.Setup(arguments, one, custom_mutator=custom)
    atheris.Fuzz()


main()
