"""What a person asks to have ready: lock files, requirements files and single requirements, read and sorted."""

from dataclasses import dataclass, field
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from holdfast.core.lockfiles import BadLock, Lock, lock_kind, parse_lock

INCLUDES_MAX = 100  # requirements files that name each other


@dataclass(slots=True)
class Inputs:
    """Locks name their files; for `requirements` somebody must work out which files those are."""

    locks: list[tuple[str, Lock]] = field(default_factory=list)  # with the file's name as given
    requirements: list[str] = field(default_factory=list)
    constraints: list[str] = field(default_factory=list)
    direct: list[str] = field(default_factory=list)  # what comes from no index
    indexes: list[tuple[str, str]] = field(default_factory=list)  # (file, other index it asks for)


def read_inputs(arguments: tuple[str, ...]) -> Inputs:
    """Each argument is a file or a requirement (`PROJECT==V`). Raises BadLock and OSError, naming the argument."""
    inputs = Inputs()
    for argument in arguments:
        if _is_file(argument):
            _read(Path(argument), inputs, set())
            continue
        try:
            requirement = Requirement(argument)
        except InvalidRequirement as error:
            raise BadLock(f"{argument!r} is neither a file nor a requirement such as 'PROJECT==1.0'") from error
        if requirement.url:
            inputs.direct.append(argument)
        else:
            inputs.requirements.append(argument)
    return inputs


def _is_file(argument: str) -> bool:
    """Also a file that is missing: to take its name for a project's would be a poor error."""
    return Path(argument).is_file() or bool(lock_kind(argument)) or "/" in argument.partition("@")[0]


def _read(path: Path, inputs: Inputs, seen: set[Path]) -> None:
    if path.resolve() in seen or len(seen) >= INCLUDES_MAX:
        return
    seen.add(path.resolve())
    lock = _parse(path)
    inputs.direct += lock.direct
    inputs.indexes += [(str(path), url) for url in lock.indexes if lock.kind == "requirements"]
    if lock.kind != "requirements" or (lock.is_exact and lock.requirements):
        inputs.locks.append((str(path), lock))
    else:
        inputs.requirements += [requirement.text for requirement in lock.requirements]
    for include in lock.includes:
        _read(path.parent / include, inputs, seen)
    for constraint in lock.constraints:
        inputs.constraints += [requirement.text for requirement in _parse(path.parent / constraint).requirements]


def _parse(path: Path) -> Lock:
    try:
        # A file whose name tells nothing (`requirements`, `deps.lock`) is read as pip would read it.
        return parse_lock(path.name if lock_kind(path.name) else "requirements.txt", path.read_text(encoding="utf-8"))
    except BadLock as error:
        raise BadLock(f"{path}: {error}") from error
    except UnicodeDecodeError as error:
        raise BadLock(f"{path} is no UTF-8 text") from error
    except ValueError as error:  # an address in it that is none
        raise BadLock(f"{path}: {error}") from error
