"""Loading settings: every one can be set, wrong ones are told all at once, the printed example is the defaults."""

import dataclasses
import re
from pathlib import Path

import pytest

from holdfast.cli.config_example import example_file
from holdfast.config import AutoQuarantine, Config, IndexConfig, ProviderConfig, UpstreamConfig
from holdfast.settings.layer_table import INDEX, UPSTREAM
from holdfast.settings.loading import Problem, SettingsError, default_data, discover, load
from holdfast.settings.table import SCALARS

HERE = Path("/srv/here")
UPSTREAM_URL = "https://index.example/simple/"
DEFAULT = load({}, folder=HERE)
GOOGLE = ProviderConfig("google", "https://accounts.google.com", "google")

# (key, what an operator writes, the Config fields it gives)
SET = [
    ("data", "/var/lib/holdfast", {"data": Path("/var/lib/holdfast")}),
    ("listen", "127.0.0.2:9000", {"listen_host": "127.0.0.2", "listen_port": 9000}),
    ("public_url", "https://packages.example/py/", {"public_url": "https://packages.example/py"}),
    ("database_url", "postgresql://a:b@db.example/h", {"database_url": "postgresql://a:b@db.example/h"}),
    ("store", "s3://bucket/prefix", {"store": "s3://bucket/prefix"}),
    ("store_pair", "/mnt/second", {"store_pair": "/mnt/second"}),
    ("store_pair_notes", "one/pair", {"store_pair_notes": "/srv/here/one/pair"}),
    ("tls_cert", "tls.crt", {"tls_cert": "/srv/here/tls.crt"}),
    ("tls_key", "/etc/tls.key", {"tls_key": "/etc/tls.key"}),
    ("trusted_proxies", "127.0.0.1, 10.1.2.3/8,::1", {"trusted_proxies": ("127.0.0.1", "10.0.0.0/8", "::1")}),
    ("fronts", "3", {"fronts": 3}),
    ("control_threads", "16", {"control_threads": 16}),
    ("upload_bytes_max", "2 GiB", {"upload_bytes_max": 2 * 1024**3}),
    ("upload_seconds_max", "10m", {"upload_seconds_max": 600}),
    ("upload_rate_bytes_min", "500", {"upload_rate_bytes_min": 500}),
    ("spool_bytes_max", "1 TB", {"spool_bytes_max": 10**12}),
    ("page_cache_bytes", "1.5MiB", {"page_cache_bytes": 1572864}),
    ("hold_seconds", "500ms", {"hold_seconds": 0.5}),
    ("deleted_days", "90", {"deleted_days": 90}),
    ("webhook_networks", "10.1.2.0/24", {"webhook_networks": ("10.1.2.0/24",)}),
    ("token_days_max", "90", {"token_days_max": 90}),
    ("cache_bytes_max", "50 GiB", {"cache_bytes_max": 50 * 1024**3}),
    ("copies_bytes_max", "1 GiB", {"copies_bytes_max": 1024**3}),
    ("free_bytes_min", "2 GB", {"free_bytes_min": 2 * 10**9}),
    ("scrub_bytes_daily", "1 GiB", {"scrub_bytes_daily": 1024**3}),
    ("advisories", "osv.zip", {"advisories": "/srv/here/osv.zip"}),
    ("attestations_trust_root", "root.json", {"attestations_trust_root": "/srv/here/root.json"}),
    ("sign_up", "open", {"sign_up": "open"}),
    ("two_factor", "all", {"two_factor": "all"}),
    ("breached_passwords", "breached.txt", {"breached_passwords": "/srv/here/breached.txt"}),
    ("mail_from", "packages@example.org", {"mail_from": "packages@example.org"}),
    ("mail_servers", "smtp://m?password_env=P,smtp://n", {"mail_servers": ("smtp://m?password_env=P", "smtp://n")}),
    ("canary_every", "15m", {"canary_seconds": 900}),
    ("domain_watch", "off", {"domain_watch": False}),
    ("domain_resolvers", "192.0.2.53,[::1]:54", {"domain_resolvers": (("192.0.2.53", 53), ("::1", 54))}),
    ("domain_registries", ".ORG=https://r.example/v1/", {"domain_registries": (("org", "https://r.example/v1"),)}),
    ("secret_key_file", "key", {"secret_key_file": "/srv/here/key"}),
    ("secret_key_fallback_files", "/run/old,/run/older", {"secret_key_fallback_files": ("/run/old", "/run/older")}),
    ("description_images", "yes", {"description_images": True}),
    ("trusted_publishing", "google", {"providers": (GOOGLE,)}),
    ("publishing_audience", "holdfast", {"publishing_audience": "holdfast"}),
    ("log_level", "WARNING", {"log_level": "warning"}),
    ("access_log", "off", {"access_log": "off"}),
    ("access_log_bytes_max", "1000000", {"access_log_bytes_max": 1000000}),
]
SET_UPSTREAM = [
    ("url", "https://u:p@index.example/simple", "https://u:p@index.example/simple/"),
    ("ca_bundle", "ca.pem", "/srv/here/ca.pem"),
    ("freshness_seconds", "10m", 600),
    ("page_budget_seconds", "2.5", 2.5),
    ("first_byte_seconds", "3s", 3.0),
    ("idle_seconds", "4s", 4.0),
    ("connections_max", "5", 5),
    ("page_bytes_max", "6 MiB", 6 * 1024**2),
    ("file_bytes_max", "7 GiB", 7 * 1024**3),
    ("absent_seconds", "1h", 3600),
    ("mirrors", "https://a.example/simple, http://b.example/", ("https://a.example/simple/", "http://b.example/")),
    ("only", "torch*,numpy", ("torch*", "numpy")),
    ("except", "acme-*", ("acme-*",)),
    ("username", "ci", "ci"),
    ("password_env", "CORPORATE_PASSWORD", "CORPORATE_PASSWORD"),
    ("password_file", "password", "/srv/here/password"),
    ("client_cert", "client.pem", "/srv/here/client.pem"),
    ("client_key", "/etc/client.key", "/etc/client.key"),
    ("proxy", "http://proxy.example:3128/", "http://proxy.example:3128"),
    ("cooldown", "7d", 7 * 86400),
    ("undated", "First-seen", "first-seen"),
]
SET_INDEX = [
    ("private", "true", True),
    ("layers", "", ()),
    ("reserved", "acme-*, internal", ("acme-*", "internal")),
    ("merge", "acme-plugins", ("acme-plugins",)),
    ("rules", "Public", "public"),
    ("upload_to", "staging", "staging"),
    ("auto_quarantine", "reports=2 age=1h releases=5 bytes=1GiB, ", (AutoQuarantine(2, 1, 3600, 5, 2**30),)),
    ("cooldown", "36h", 36 * 3600),
    ("cooldown_for", "acme-*=0s, numpy=14d", (("acme-*", 0), ("numpy", 14 * 86400))),
    ("allow", "django*", ("django*",)),
    ("deny", "left-pad: use acme-pad, acme<2", (("left-pad", "use acme-pad"), ("acme<2", ""))),
    ("require", "hash, Provenance", ("hash", "provenance")),
    ("licenses_denied", "AGPL*", ("AGPL*",)),
    ("file_bytes_max", "2 GiB", 2 * 1024**3),
    ("advisories", "all", "all"),
]
FIELDS = {setting.key: setting.config_fields[0] for setting in (*UPSTREAM, *INDEX)}
BESIDES = {"tls_cert": {"HOLDFAST_TLS_KEY": "k"}, "tls_key": {"HOLDFAST_TLS_CERT": "c"}}  # they come in pairs


def write(folder: Path, text: str) -> Path:
    file = folder / "holdfast.toml"
    file.write_text(text)
    return file


def problems(environ: dict[str, str], file: Path | None = None) -> list[Problem]:
    with pytest.raises(SettingsError) as caught:
        load(environ, file, folder=HERE)
    return caught.value.problems


def test_a_pair_is_two_places_of_one_machine() -> None:
    postgres = {"HOLDFAST_STORE_PAIR": "/mnt/second", "HOLDFAST_DATABASE_URL": "postgresql://h@db.example/h"}
    same = {"HOLDFAST_STORE_PAIR": "/mnt/one", "HOLDFAST_STORE": "/mnt/one"}

    assert [["HOLDFAST_STORE_PAIR"]] * 2 == [[problem.setting for problem in problems(e)] for e in (postgres, same)]


def test_the_defaults_are_a_safe_single_node_index_over_what_pip_uses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/alice")

    assert load({}, folder=HERE) == Config(
        data=Path("/home/alice/.local/share/holdfast"),
        upstreams=(UpstreamConfig("upstream", url=""),),
        indexes=(IndexConfig("main", layers=("upstream",)),),
    )


@pytest.mark.parametrize(("key", "text", "expected"), SET, ids=[row[0] for row in SET])
def test_every_scalar_can_be_set_in_the_environment(key: str, text: str, expected: dict[str, object]) -> None:
    environ = {f"HOLDFAST_{key.upper()}": text, **BESIDES.get(key, {})}

    found = load(environ, folder=HERE)

    assert {name: getattr(found, name) for name in expected} == expected
    assert any(getattr(DEFAULT, name) != value for name, value in expected.items()), "the test must change something"


@pytest.mark.parametrize(("key", "text", "expected"), SET, ids=[row[0] for row in SET])
def test_every_scalar_can_be_set_in_the_file(tmp_path: Path, key: str, text: str, expected: dict[str, object]) -> None:
    raw = str([i.strip() for i in text.split(",")]) if key[:8] in ("trusted_", "webhook_") else f'"{text}"'
    others = "".join(f'{name[9:].lower()} = "{value}"\n' for name, value in BESIDES.get(key, {}).items())

    found = load({}, write(tmp_path, f"{key} = {raw}\n{others}"), folder=HERE)

    expected = {k: v.replace("/srv/here", str(tmp_path)) if isinstance(v, str) else v for k, v in expected.items()}
    assert {name: getattr(found, name) for name in expected} == expected


@pytest.mark.parametrize(("key", "text", "expected"), SET_UPSTREAM, ids=[row[0] for row in SET_UPSTREAM])
def test_every_setting_of_the_upstream_can_be_set_in_the_environment(key: str, text: str, expected: object) -> None:
    found = load({f"HOLDFAST_UPSTREAM_{key.upper()}": text}, folder=HERE)

    assert found.upstreams == (dataclasses.replace(DEFAULT.upstreams[0], **{FIELDS[key]: expected}),)


@pytest.mark.parametrize(("key", "text", "expected"), SET_UPSTREAM, ids=[row[0] for row in SET_UPSTREAM])
def test_every_setting_of_an_upstream_can_be_set_in_its_table(
    tmp_path: Path, key: str, text: str, expected: object
) -> None:
    found = load({}, write(tmp_path, f'[upstream.corporate]\n{key} = "{text}"\n'), folder=HERE)

    expected = expected.replace("/srv/here", str(tmp_path)) if isinstance(expected, str) else expected
    assert found.upstreams == (UpstreamConfig(**{"name": "corporate", "url": ""} | {FIELDS[key]: expected}),)
    assert found.indexes == (IndexConfig("main", layers=("corporate",)),)


@pytest.mark.parametrize(("key", "text", "expected"), SET_INDEX, ids=[row[0] for row in SET_INDEX])
def test_every_setting_of_the_default_index_can_be_set_in_the_environment(
    tmp_path: Path, key: str, text: str, expected: object
) -> None:
    found = load({f"HOLDFAST_INDEX_{key.upper()}": text}, write(tmp_path, "[index.staging]\n"), folder=HERE)

    assert found.indexes[0] == dataclasses.replace(DEFAULT.indexes[0], **{FIELDS[key]: expected})


def test_the_command_line_goes_before_the_environment_that_before_the_file(tmp_path: Path) -> None:
    file = write(tmp_path, "fronts = 2\ncontrol_threads = 2\nhold_seconds = 2\n")
    environ = {"HOLDFAST_FRONTS": "3", "HOLDFAST_CONTROL_THREADS": "3"}

    found = load(environ, file, {"fronts": 4}, folder=HERE)

    assert (found.fronts, found.control_threads, found.hold_seconds) == (4, 3, 2.0)


def test_the_file_is_found_by_name_then_here_then_in_the_data_folder(tmp_path: Path) -> None:
    here, data = tmp_path / "here", tmp_path / "data"
    here.mkdir()
    data.mkdir()
    environ = {"HOLDFAST_DATA": str(data)}

    assert discover(environ, {}, here) is None
    (data / "holdfast.toml").touch()
    assert discover(environ, {}, here) == data / "holdfast.toml"
    (here / "holdfast.toml").touch()
    assert discover(environ, {}, here) == here / "holdfast.toml"
    assert discover({"HOLDFAST_CONFIG": "other.toml"}, {}, here) == here / "other.toml"


def test_the_default_data_folder_is_xdgs() -> None:
    assert default_data({"XDG_DATA_HOME": "/x"}) == "/x/holdfast"
    assert default_data({"XDG_DATA_HOME": "relative"}) == default_data({}) == "~/.local/share/holdfast"


# Wrong settings


def test_every_problem_is_told_at_once_with_name_value_rule_and_example(tmp_path: Path) -> None:
    file = write(tmp_path, 'fronts = 0\nlog_levl = "info"\n[upstream.upstream]\nulr = "x"\n[index.Bad]\n')
    environ = {
        "HOLDFAST_LISTEN": "0.0.0.0:80",
        "HOLDFAST_HOLD_SECOND": "5",
        "HOLDFAST_DATABASE_URL": "mysql://root:hunter2@db.example/x",
        "HOLDFAST_TLS_CERT": "/etc/tls.crt",
        "HOLDFAST_UPSTREAM": "ftp://u:hunter2@index.example/simple",
    }

    found = problems(environ, file)

    unknown = "`holdfast config example` lists all"
    layers = "must be lower-case letters, digits and inner hyphens, and none of the names routes use"
    url = "must be an absolute http:// or https:// URL without query or fragment"
    assert found == [
        Problem("log_levl", "", "is no setting; did you mean log_level", unknown),
        Problem("HOLDFAST_HOLD_SECOND", "", "is no setting; did you mean HOLDFAST_HOLD_SECONDS", unknown),
        Problem(
            "HOLDFAST_DATABASE_URL",
            "'mysql://…@db.example/x'",
            "must be a postgresql:// URL, sqlite:// and an absolute path, or empty for SQLite in the data folder",
            "HOLDFAST_DATABASE_URL=postgresql://holdfast@db.example/holdfast",
        ),
        Problem("fronts in holdfast.toml", "0", "must be a whole number from 1 to 256", "fronts = 2"),
        Problem("upstream.upstream.ulr", "", "is no setting; did you mean upstream.upstream.url", unknown),
        Problem(
            "HOLDFAST_UPSTREAM",
            "'ftp://…@index.example/simple'",
            url,
            "HOLDFAST_UPSTREAM=https://index.example/simple/",
        ),
        Problem("index.Bad", "", layers, "[index.corporate]"),
        Problem(
            "HOLDFAST_PUBLIC_URL",
            "",
            "is required when HOLDFAST_LISTEN is not a loopback address: links for clients are made of it",
            "HOLDFAST_PUBLIC_URL=https://packages.example",
        ),
        Problem(
            "HOLDFAST_TLS_KEY",
            "",
            "is required together with HOLDFAST_TLS_CERT",
            "HOLDFAST_TLS_KEY=/etc/holdfast/tls.key",
        ),
    ]
    assert "hunter2" not in str(SettingsError(found))


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HOLDFAST_LISTEN", "localhost"),
        ("HOLDFAST_LISTEN", "127.0.0.1"),
        ("HOLDFAST_LISTEN", "127.0.0.1:65536"),
        ("HOLDFAST_LISTEN", "::1:80"),
        ("HOLDFAST_LISTEN", "packages.example:80"),
        ("HOLDFAST_LISTEN", "127.0.0.1:٣"),
        ("HOLDFAST_PUBLIC_URL", "packages.example"),
        ("HOLDFAST_PUBLIC_URL", "https://a:b@packages.example"),
        ("HOLDFAST_PUBLIC_URL", "https://packages.example/?a=b"),
        ("HOLDFAST_STORE", "gopher://x"),
        ("HOLDFAST_STORE", "s3://"),
        ("HOLDFAST_TRUSTED_PROXIES", "10.0.0.0/33"),
        ("HOLDFAST_TRUSTED_PROXIES", "proxy.example"),
        ("HOLDFAST_FRONTS", "two"),
        ("HOLDFAST_FRONTS", "-1"),
        ("HOLDFAST_FRONTS", "257"),
        ("HOLDFAST_UPLOAD_BYTES_MAX", "10 GiBs"),
        ("HOLDFAST_UPLOAD_BYTES_MAX", "9" * 400),
        ("HOLDFAST_HOLD_SECONDS", "9" * 400),
        ("HOLDFAST_INDEX_COOLDOWN", "9" * 400 + "d"),
        ("HOLDFAST_INDEX_COOLDOWN", "36501d"),  # the sum with a date is one beyond the calendar, soon
        ("HOLDFAST_UPLOAD_BYTES_MAX", "-1"),
        ("HOLDFAST_UPLOAD_BYTES_MAX", "0"),
        ("HOLDFAST_UPLOAD_BYTES_MAX", "1 TiB"),  # more than the spool holds
        ("HOLDFAST_HOLD_SECONDS", "soon"),
        ("HOLDFAST_HOLD_SECONDS", "0"),
        ("HOLDFAST_HOLD_SECONDS", "nan"),
        ("HOLDFAST_LOG_LEVEL", "loud"),
        ("HOLDFAST_UPSTREAM", "file:///srv/simple"),
        ("HOLDFAST_UPSTREAM", "index.example/simple"),
        ("HOLDFAST_UPSTREAM", "https:///simple"),
        ("HOLDFAST_UPSTREAM", "https://[index.example/simple"),
        ("HOLDFAST_INDEX_PRIVATE", "maybe"),
        ("HOLDFAST_INDEX_LAYERS", "nowhere"),
    ],
)
def test_a_wrong_value_is_refused(variable: str, value: str) -> None:
    assert len(problems({variable: value})) == 1


@pytest.mark.parametrize(
    "text",
    [
        "fronts = true",
        "fronts = 1.5",
        "fronts = [1]",
        "listen = { host = 1 }",
        "trusted_proxies = [1]",
        "index = 3",
        "[upstream]\nurl = 'x'",
        "[index.upstream]",  # one name for an index and an upstream
        "[index.simple]",  # a route's name
        "[upstream.a]\n[upstream.b]",  # pip has only one answer
        "data = ",
        "upload_bytes_max = true",
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, text: str) -> None:
    assert len(problems({}, write(tmp_path, text))) == 1


def test_a_variable_for_the_sole_upstream_is_refused_when_there_are_several(tmp_path: Path) -> None:
    file = write(tmp_path, f'[upstream.a]\nurl = "{UPSTREAM_URL}"\n[upstream.b]\nurl = "{UPSTREAM_URL}"\n')

    (problem,) = problems({"HOLDFAST_UPSTREAM_IDLE_SECONDS": "3s"}, file)

    assert problem.rule == "which of a, b is meant? Set it in the configuration file instead"


def test_a_missing_file_that_was_asked_for_is_a_problem(tmp_path: Path) -> None:
    (problem,) = problems({}, tmp_path / "no.toml")

    assert problem.setting == "HOLDFAST_CONFIG"
    assert problem.rule == "cannot be read: No such file or directory"


def test_a_long_value_is_shortened() -> None:
    (problem,) = problems({"HOLDFAST_LOG_LEVEL": "x" * 500})

    assert len(problem.value) == 62


def test_variables_that_kubernetes_makes_for_a_service_called_holdfast_are_no_settings() -> None:
    environ = {
        "HOLDFAST_PORT": "tcp://10.0.0.1:8000",
        "HOLDFAST_PORT_8000_TCP_ADDR": "10.0.0.1",
        "HOLDFAST_SERVICE_HOST": "10.0.0.1",
    }

    assert load(environ, folder=HERE) == DEFAULT


# The printed example


def test_the_example_as_printed_loads_to_the_defaults(tmp_path: Path) -> None:
    assert load({}, write(tmp_path, example_file()), folder=HERE) == DEFAULT


def test_the_example_with_every_key_switched_on_loads_to_the_defaults(tmp_path: Path) -> None:
    switched_on = re.sub(r"^#(?=[a-z\[])", "", example_file(), flags=re.MULTILINE)

    assert switched_on.count("\n[") == 2
    assert load({}, write(tmp_path, switched_on), folder=HERE) == DEFAULT


def test_the_example_and_the_tests_above_hold_every_field() -> None:
    def names(kind: type) -> set[str]:
        return {field.name for field in dataclasses.fields(kind)}

    in_config = {name for setting in SCALARS for name in setting.config_fields}
    assert in_config | {"upstreams", "indexes", "sign_in", "instance"} == names(Config)  # the id is found, never set
    assert {field for s in UPSTREAM for field in s.config_fields} | {"name"} == names(UpstreamConfig)
    assert {field for s in INDEX for field in s.config_fields} | {"name"} == names(IndexConfig)
    assert sorted(row[0] for row in SET) == sorted(setting.key for setting in SCALARS)
    assert sorted(row[0] for row in SET_UPSTREAM) == sorted(setting.key for setting in UPSTREAM)
    assert sorted(row[0] for row in SET_INDEX) == sorted(setting.key for setting in INDEX)
    for setting in (*SCALARS, *UPSTREAM, *INDEX):
        assert f"\n#{setting.key} = " in example_file()


def test_the_examples_in_the_example_are_good_values(tmp_path: Path) -> None:
    besides = {"tls_cert": 'tls_key = "k"', "tls_key": 'tls_cert = "c"', "listen": 'public_url = "https://p.example"'}
    for setting in SCALARS:
        load({}, write(tmp_path, f"{setting.key} = {setting.example}\n{besides.get(setting.key, '')}"), folder=HERE)
    for setting in UPSTREAM:
        load({}, write(tmp_path, f"[upstream.upstream]\n{setting.key} = {setting.example}"), folder=HERE)
    tables = "[upstream.upstream]\n[upstream.corporate]\nurl = 'https://x.example/'\n[index.staging]\n[index.main]\n"
    for setting in INDEX:
        load({}, write(tmp_path, f"{tables}{setting.key} = {setting.example}"), folder=HERE)
