import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="StagingSession",
            fields=[
                ("id", models.CharField(max_length=16, primary_key=True, serialize=False)),
                ("index", models.CharField(max_length=64)),
                ("name", models.CharField(max_length=200)),
                ("display", models.CharField(max_length=200)),
                ("version", models.CharField(max_length=200)),
                ("version_key", models.CharField(max_length=200)),
                ("creator", models.CharField(max_length=200)),
                ("status", models.CharField(db_default="open", default="open", max_length=16)),
                ("notices", models.JSONField(default=list)),
                ("preview_token", models.CharField(max_length=64)),
                ("created", models.DateTimeField()),
                ("expires", models.DateTimeField(db_index=True)),
                ("ended", models.DateTimeField(null=True)),
                ("serial", models.BigIntegerField(db_default=0, default=0)),
                ("revision", models.BigIntegerField(db_default=1, default=1)),
                ("shown", models.BigIntegerField(db_default=0, default=0)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("status__in", ("open", "error"))),
                        fields=("index", "name", "version_key"),
                        name="one_live_session_per_release",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="StagedFile",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("filename", models.CharField(max_length=240)),
                ("display", models.CharField(max_length=200)),
                ("version", models.CharField(max_length=200)),
                ("sha256", models.CharField(db_index=True, max_length=64)),
                ("size", models.BigIntegerField()),
                ("packagetype", models.CharField(max_length=16)),
                ("python_version", models.CharField(db_default="", default="", max_length=240)),
                ("requires_python", models.TextField(db_default="", default="")),
                ("metadata_sha256", models.CharField(db_default="", db_index=True, default="", max_length=64)),
                ("provenance_sha256", models.CharField(db_default="", db_index=True, default="", max_length=64)),
                ("md5", models.CharField(db_default="", default="", max_length=32)),
                ("blake2b_256", models.CharField(db_default="", default="", max_length=64)),
                ("staged", models.DateTimeField()),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="files", to="staging.stagingsession"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("session", "filename"), name="one_staged_file_per_name")
                ],
            },
        ),
    ]
