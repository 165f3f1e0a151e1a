"""The audit trail becomes a chain. Only adds: a previous release beside this one goes on writing events without a
place, which are chained afterwards.
"""

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def begin_chain(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    apps.get_model("accounts", "AuditHead").objects.get_or_create(pk=1)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_people")]

    operations = [
        migrations.AddField("auditevent", "credential", models.CharField(db_default="", default="", max_length=16)),
        migrations.AddField("auditevent", "network", models.CharField(db_default="", default="", max_length=64)),
        migrations.AddField("auditevent", "position", models.BigIntegerField(null=True, unique=True)),
        migrations.AddField("auditevent", "hash", models.CharField(db_default="", default="", max_length=64)),
        migrations.CreateModel(
            "AuditHead",
            [
                ("id", models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("position", models.BigIntegerField(db_default=0, default=0)),
                ("hash", models.CharField(default="0" * 64, max_length=64)),
            ],
        ),
        migrations.RunPython(begin_chain, migrations.RunPython.noop),
    ]
