"""Since when a domain is registered, as its registry said when it was last well."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("domains", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="maildomain",
            name="registered",
            field=models.CharField(db_default="", default="", max_length=32),
        ),
    ]
