"""Since when a project has its status, and an index of those in quarantine. Only adds."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("projects", "0001_initial")]

    operations = [
        migrations.AddField("project", "status_since", models.DateTimeField(null=True)),
        migrations.AddIndex(
            "project",
            models.Index(
                condition=models.Q(("status", "quarantined")), fields=["status_since"], name="quarantined_projects"
            ),
        ),
    ]
