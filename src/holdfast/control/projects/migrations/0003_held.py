"""Whether a project is held for its name. Only adds."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("projects", "0002_status_since")]

    operations = [migrations.AddField("project", "held", models.BooleanField(db_default=False, default=False))]
