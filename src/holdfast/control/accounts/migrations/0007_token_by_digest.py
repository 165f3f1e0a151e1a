"""A token is looked up by what it is known by, so that an id without its secret finds nothing. Only adds."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_key_check")]

    operations = [
        migrations.AddIndex("token", models.Index(fields=["digest"], name="token_by_digest")),
    ]
