"""`python -m bench.seed PROJECT FILES`: rows for a project of many files, straight into the instance's database.

Only for measuring: no bytes stand behind these files. The next real upload publishes all of them.
"""

import hashlib
import sys
from datetime import UTC, datetime

from holdfast.cli.control_tools import open_desk

PER_RELEASE = 10


def main(name: str, count: int) -> None:
    """Insert what the uploads of `count` wheels would have left."""
    with open_desk():
        from django.db import transaction

        from holdfast.control.projects.models import File, FilenameBinding, Project, Release

        now = datetime(2026, 1, 1, tzinfo=UTC)
        with transaction.atomic():
            project = Project.objects.create(index="main", name=name, display=name, created=now)
            releases = Release.objects.bulk_create(
                Release(project=project, version=f"{i}.0", created=now) for i in range(count // PER_RELEASE)
            )
            files, bindings = [], []
            for number in range(count):
                release = releases[number // PER_RELEASE]
                filename = f"{name}-{release.version}-{number % PER_RELEASE}-py3-none-any.whl"
                digest = hashlib.sha256(filename.encode()).hexdigest()
                files.append(
                    File(
                        project=project,
                        release=release,
                        filename=filename,
                        sha256=digest,
                        size=1000 + number,
                        packagetype="bdist_wheel",
                        python_version="py3",
                        upload_time=now,
                        requires_python=">=3.9",
                        metadata_sha256=digest,
                        md5=digest[:32],
                        blake2b_256=digest,
                    )
                )
                bindings.append(
                    FilenameBinding(index="main", filename=filename, sha256=digest, project=name, created=now)
                )
            File.objects.bulk_create(files, batch_size=500)
            FilenameBinding.objects.bulk_create(bindings, batch_size=500)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
