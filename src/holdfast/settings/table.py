"""The table of settings: key, how it is read, its default, why one would change it, and a good example.

The loader, the environment variable names, `holdfast config example` and every complaint come from this table and
that of the layers (settings/layer_table.py). A key `spool_bytes_max` is `HOLDFAST_SPOOL_BYTES_MAX` in the environment.
"""

from dataclasses import dataclass

from holdfast.settings.domain_values import parse_registries, parse_resolvers
from holdfast.settings.values import (
    Parser,
    parse_boolean,
    parse_breached,
    parse_choice,
    parse_choices,
    parse_count,
    parse_database_url,
    parse_list,
    parse_listen,
    parse_log_level,
    parse_mail_servers,
    parse_networks,
    parse_path,
    parse_public_url,
    parse_rhythm,
    parse_seconds,
    parse_sender,
    parse_size,
    parse_store,
    parse_text,
    parse_whole_seconds,
)


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of the file, and the Config field(s) it fills."""

    key: str
    parse: Parser
    default: str  # as TOML text
    why: str
    example: str  # as TOML text
    fields: tuple[str, ...] = ()  # the Config fields, when not just the key itself

    @property
    def config_fields(self) -> tuple[str, ...]:
        return self.fields or (self.key,)


DATA_HOME = "~/.local/share"  # XDG's default for data; $XDG_DATA_HOME goes before it

SCALARS: tuple[Setting, ...] = (
    Setting(
        "data",
        parse_path,
        f'"{DATA_HOME}/holdfast"',
        "The data folder: everything Holdfast keeps, unless `store` or `database_url` point elsewhere. A local disk.",
        '"/var/lib/holdfast"',
    ),
    Setting(
        "listen",
        parse_listen,
        '"127.0.0.1:8000"',
        "Where to listen: an IP address and a port. Port 0 picks a free one and prints it.",
        '"0.0.0.0:8000"',
        ("listen_host", "listen_port"),
    ),
    Setting(
        "public_url",
        parse_public_url,
        '""',
        "What clients call this instance, path prefix included. Required when `listen` is not a loopback address.",
        '"https://packages.example"',
    ),
    Setting(
        "database_url",
        parse_database_url,
        '""',
        "Empty: SQLite in the data folder. Else PostgreSQL, or sqlite:///path of a release that runs beside this one.",
        '"postgresql://holdfast@db.example/holdfast"',
    ),
    Setting(
        "store",
        parse_store,
        '""',
        "Where published objects live. Empty: the data folder's `store`. Else another folder, or S3.",
        '"s3://bucket/prefix"',
    ),
    Setting(
        "store_pair",
        parse_store,
        '""',
        "A second folder or bucket that holds everything as well, on another disk: either may be away. SQLite only. "
        "A bucket of another server: PAIR_AWS_ENDPOINT_URL and the like come before AWS_ENDPOINT_URL for it.",
        '"/mnt/second/holdfast"',
    ),
    Setting(
        "store_pair_notes",
        parse_path,
        '""',
        "The folder `pair` of the data folder beside which a release of its `store_pair` starts, on the same machine.",
        '"/var/lib/holdfast-1/pair"',
    ),
    Setting(
        "tls_cert",
        parse_path,
        '""',
        "PEM file with the certificate chain, to speak HTTPS without a proxy. Read again on SIGHUP.",
        '"/etc/holdfast/tls.crt"',
    ),
    Setting("tls_key", parse_path, '""', "PEM file with the certificate's private key.", '"/etc/holdfast/tls.key"'),
    Setting(
        "trusted_proxies",
        parse_networks,
        "[]",
        "Addresses or networks of the proxies in front, whose X-Forwarded-For is believed.",
        '["127.0.0.1", "10.0.0.0/8"]',
    ),
    Setting(
        "fronts",
        parse_count(1, 256),
        "1",
        "Front worker processes. One answers tens of thousands of requests per second.",
        "2",
    ),
    Setting(
        "control_threads",
        parse_count(1, 256),
        "8",
        "Uploads and management requests worked on at once.",
        "16",
    ),
    Setting("upload_bytes_max", parse_size, '"10 GiB"', "The largest file an upload may carry.", '"2 GiB"'),
    Setting("upload_seconds_max", parse_whole_seconds, '"1h"', "The longest an upload may take to arrive.", '"10m"'),
    Setting(
        "upload_rate_bytes_min",
        parse_size,
        '"1 KiB"',
        "Bytes per second below which an upload is given up, averaged after a grace of 30 s.",
        '"10 KiB"',
    ),
    Setting(
        "spool_bytes_max",
        parse_size,
        '"50 GiB"',
        "Disk that uploads still arriving may take together.",
        '"100 GiB"',
    ),
    Setting("page_cache_bytes", parse_size, '"96 MiB"', "Memory for pages in each front.", '"512 MiB"'),
    Setting(
        "hold_seconds",
        parse_seconds,
        '"8s"',
        "How long an upload waits for a database or store that blinks. Above 9 s some upload tools give up first.",
        '"5s"',
    ),
    Setting(
        "deleted_days",
        parse_count(1, 36_500),
        "30",
        "Days for which the bytes of files that their owners deleted are kept. Their links answer until then.",
        "90",
    ),
    Setting(
        "webhook_networks",
        parse_networks,
        "[]",
        "Networks that are not public and that webhooks may reach all the same, also by plain http.",
        '["10.1.2.0/24"]',
    ),
    Setting(
        "token_days_max",
        parse_count(0, 36_500),
        "366",
        "The longest life of tokens that people make for themselves. 0: they need not end.",
        "90",
    ),
    Setting(
        "cache_bytes_max",
        parse_size,
        '"200 GiB"',
        "What is kept of upstreams' files, all together. The least used go first; pinned ones stay and do not count.",
        '"50 GiB"',
    ),
    Setting(
        "copies_bytes_max",
        parse_size,
        '"20 GiB"',
        "Local copies of a bucket's objects, on each machine with fronts. They serve while the bucket does not answer.",
        '"200 GiB"',
    ),
    Setting(
        "free_bytes_min",
        parse_size,
        '"1 GiB"',
        "Left free on the data folder's disk. Below it files of upstreams are passed on and not kept.",
        '"20 GiB"',
    ),
    Setting(
        "scrub_bytes_daily",
        parse_size,
        '"10 GiB"',
        "How much of what is kept of upstreams is hashed again each day, to find rotten bytes before a client does.",
        '"100 GiB"',
    ),
    Setting(
        "advisories",
        parse_path,
        '""',
        "A dump of known malware and vulnerabilities in OSV format, a zip file or folder; read again when it changes.",
        '"/var/lib/osv/python.zip"',
    ),
    Setting(
        "attestations_trust_root",
        parse_path,
        '""',
        "A sigstore trusted_root.json that uploads' attestations are verified against. Empty: kept, but not verified.",
        '"/etc/holdfast/trusted_root.json"',
    ),
    Setting(
        "sign_up",
        parse_choice("closed", "invited", "open"),
        '"invited"',
        "Who may make an account: nobody but the operator at the machine, whoever was invited, or everybody.",
        '"open"',
    ),
    Setting(
        "two_factor",
        parse_choice("publishers", "all", "optional"),
        '"publishers"',
        "Who must have a second factor to manage anything: whoever can publish or administer, all, or nobody.",
        '"all"',
    ),
    Setting(
        "breached_passwords",
        parse_breached,
        '""',
        "New passwords are looked up here: a file of SHA-1 digests, sorted, or a range service's URL. Empty: nowhere.",
        '"/var/lib/holdfast/breached.txt"',
    ),
    Setting(
        "mail_from",
        parse_sender,
        '""',
        "The address mails come from. Empty: holdfast@ and the public host.",
        '"packages@example.org"',
    ),
    Setting(
        "mail_servers",
        parse_mail_servers,
        "[]",
        "Mail servers, tried in order. Empty: mails wait, and `holdfast mail list --show` reads them to the operator.",
        '["smtp://packages@mail.example:587?password_env=MAIL_PASSWORD"]',
    ),
    Setting(
        "canary_every",
        parse_rhythm,
        '"0"',
        "How often a small file is published and installed, as a monitor: 1m to 1d, 0 never. Needs an index `canary`.",
        '"15m"',
        ("canary_seconds",),
    ),
    Setting(
        "domain_watch",
        parse_boolean,
        "true",
        "With mail servers: look every hour whether publishers' mail domains still exist. Lost ones reset nothing.",
        "false",
    ),
    Setting(
        "domain_resolvers",
        parse_resolvers,
        "[]",
        "Name servers that the domain watch asks, by IP address. Empty: those of this machine.",
        '["192.0.2.53", "127.0.0.1:5353"]',
    ),
    Setting(
        "domain_registries",
        parse_registries,
        "[]",
        "RDAP services that the domain watch asks as well: was a domain registered anew, or is it about to be deleted?",
        '["org=https://rdap.registry.example/", "*=https://rdap.example/"]',
    ),
    Setting(
        "secret_key_file",
        parse_path,
        '""',
        "The key of cookies, links and second factors. Empty: the data folder's. Several machines need the same one.",
        '"/run/secrets/holdfast-key"',
    ),
    Setting(
        "secret_key_fallback_files",
        parse_list,
        "[]",
        "Earlier keys: what was signed or encrypted with them stays good while a new one comes into use.",
        '["/run/secrets/holdfast-key-2025"]',
    ),
    Setting(
        "description_images",
        parse_boolean,
        "false",
        "Whether pictures in projects' descriptions are loaded from where they are, over https. Else: links to them.",
        "true",
    ),
    Setting(
        "trusted_publishing",
        parse_choices("github", "gitlab", "google"),
        "[]",
        "Well-known services whose identity tokens may be exchanged for publishing. Others are [publishing.NAME].",
        '["github", "gitlab"]',
        ("providers",),
    ),
    Setting(
        "publishing_audience",
        parse_text,
        '""',
        "What identity tokens must be made for. Empty: the public URL.",
        '"https://packages.example"',
    ),
    Setting("log_level", parse_log_level, '"info"', "debug, info, warning or error.", '"warning"'),
    Setting(
        "access_log",
        parse_path,
        '""',
        'One JSON line per request. Empty: `log/access.jsonl` in the data folder. "-": standard output. "off": none.',
        '"off"',
    ),
    Setting(
        "access_log_bytes_max",
        parse_size,
        '"64 MiB"',
        "The access log is rotated past this size; one old file is kept.",
        '"1 GiB"',
    ),
)
