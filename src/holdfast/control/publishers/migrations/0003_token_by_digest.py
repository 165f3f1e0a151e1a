"""A publisher's token is looked up as people's are (accounts 0007). Only adds."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("publishers", "0002_publisher_by_operator")]

    operations = [
        migrations.AddIndex("publishertoken", models.Index(fields=["digest"], name="publisher_token_by_digest")),
    ]
