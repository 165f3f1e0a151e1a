"""One frozen Config for every process. Loading (file, environment, defaults, all errors at once) is in settings.py."""

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

DEFAULT_INDEX = "main"  # served at the root of the URL space
DEFAULT_UPSTREAM = "upstream"  # the layer's name unless the configuration file names another
DATA_FORMAT = 1  # of the data folder; a marker with a higher one was written by a newer release
SQLITE_URL = "sqlite://"  # and an absolute path: a file that another data folder's instance uses as well
MIB = 1024 * 1024


SignUp = Literal["closed", "invited", "open"]
TwoFactor = Literal["publishers", "all", "optional"]  # who must have a second factor

# What counts as the upload time of a file whose upstream gives none: "trust-existing", old if the first page ever seen
# listed it, else when it was first seen; "first-seen" always that; "refuse" holds it back while a cooldown is in force.
Undated = Literal["trust-existing", "first-seen", "refuse"]
UploadRules = Literal["private", "public"]  # control's rule profiles for uploads
Advisories = Literal["off", "malware", "all"]  # which known advisories hold a file back
WhoseFactor = Literal["ours", "theirs"]  # after a sign-in with a provider
ProviderKind = Literal["github", "gitlab", "google", "oidc"]  # how an issuer's tokens describe who they are for


@dataclass(frozen=True, slots=True)
class UpstreamConfig:
    """One index we pull from. `url` is its Simple API base and ends in `/`.

    An empty `url` exists only between loading and starting: it stands for the index pip is configured to use, which
    upstream_default.py finds once and writes down. Roles always see it filled. It may carry userinfo: never print it.
    """

    name: str
    url: str
    mirrors: tuple[str, ...] = ()  # Simple API bases with the same files; asked when `url` cannot answer
    only: tuple[str, ...] = ()  # name patterns (`torch*`) this upstream is asked for; () = every name
    except_: tuple[str, ...] = ()  # name patterns it is never asked for
    username: str = ""
    password_env: str = ""  # the environment variable that holds the password; never the password itself
    password_file: str = ""
    ca_bundle: str = ""  # PEM file; "" = the system's trust store
    client_cert: str = ""  # PEM file
    client_key: str = ""  # PEM file; "" = in `client_cert`
    proxy: str = ""  # "" = what HTTP_PROXY, HTTPS_PROXY and NO_PROXY say; "none" = no proxy
    cooldown_seconds: int = 0  # files younger than this are held back; an index may say otherwise
    undated: Undated = "trust-existing"
    freshness_seconds: int = 60  # a page older than this is refreshed behind the answer that serves it
    page_budget_seconds: float = 6.0  # pip gives up at 15 s; an unseen page is answered or 503 well before
    first_byte_seconds: float = 10.0
    idle_seconds: float = 15.0  # a body that stalls this long is dead
    connections_max: int = 32
    page_bytes_max: int = 256 * MIB
    file_bytes_max: int = 16 * 1024 * MIB
    absent_seconds: int = 60  # how long an upstream's own 404 is believed


@dataclass(frozen=True, slots=True)
class AutoQuarantine:
    """A rule by which reports of malware quarantine a project without waiting for a person.

    So many reports that wait, so many of them by trusted observers, of a project within every bound; 0 is no bound.
    """

    reports: int = 1
    observers: int = 1  # at least one: what strangers say alone hides nothing
    age_seconds: int = 0  # younger than that
    releases_max: int = 0
    bytes_max: int = 0  # of its listed files


@dataclass(frozen=True, slots=True)
class IndexConfig:
    """One hosted index and what lies under it."""

    name: str
    private: bool = False  # reads need a token
    layers: tuple[str, ...] = ()  # hosted indexes and upstreams asked, in order, for names this index does not own
    reserved: tuple[str, ...] = ()  # name patterns (`acme-*`) that never fall through to a layer
    merge: tuple[str, ...] = ()  # names whose files come from this index and from its layers together
    rules: UploadRules = "private"  # what uploads are held to
    upload_to: str = ""  # the hosted index that takes this one's uploads; "" = this one itself
    auto_quarantine: tuple[AutoQuarantine, ...] | None = None  # None: as `rules` has it
    # Policy: what may come in from upstreams. Files hosted here are never held back by age.
    cooldown_seconds: int = 0
    cooldown_for: tuple[tuple[str, int], ...] = ()  # (name pattern, seconds): the first that fits goes before all else
    allow: tuple[str, ...] = ()  # name patterns; () = every name
    deny: tuple[tuple[str, str], ...] = ()  # (requirement such as `acme<2` or `acme-*`, reason)
    require: tuple[str, ...] = ()  # "hash", "provenance"
    licenses_denied: tuple[str, ...] = ()  # patterns over SPDX expressions and classifiers (`AGPL*`)
    file_bytes_max: int = 0  # a larger file is held back; 0 = no limit
    advisories: Advisories = "malware"


@dataclass(frozen=True, slots=True)
class ProviderConfig:
    """An issuer of identity tokens whose identities may be trusted publishers."""

    name: str
    issuer: str  # exactly as the tokens' `iss` says it
    kind: ProviderKind = "oidc"
    audience: str = ""  # of tokens whose issuer cannot be asked for another one; "" = the instance's
    claims: tuple[tuple[str, str], ...] = ()  # (name, value) every token must have; "" = each publisher says its own
    ca_bundle: str = ""  # PEM file; "" = the system's trust store


@dataclass(frozen=True, slots=True)
class SignIn:
    """An organisation's own OpenID Connect provider that people sign in with."""

    name: str
    issuer: str = ""  # exactly as its tokens' `iss` says it; accounts are bound to it, not to the name
    label: str = ""  # on the button
    client_id: str = ""
    client_secret_file: str = ""
    client_secret_env: str = ""  # the environment variable that holds the secret; never the secret itself
    ca_bundle: str = ""  # PEM file; "" = the system's trust store
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    domains: tuple[str, ...] = ()  # of verified addresses; () = no address of theirs is believed
    groups: tuple[str, ...] = ()  # who comes in is in one of them; () = in whichever
    groups_claim: str = "groups"
    rights: tuple[tuple[str, str], ...] = ()  # (group, right): "admin", "moderator", "owner:acme", "team:acme/ml"
    create: bool = True  # who comes for the first time gets an account
    only: bool = False  # who is connected to it signs in with it alone
    second_factor: WhoseFactor = "ours"
    second_factor_claims: tuple[str, ...] = ("mfa",)  # values of `amr` or `acr` that show one of theirs


@dataclass(frozen=True, slots=True)
class Config:
    """Every setting, resolved. Paths are absolute."""

    data: Path
    listen_host: str = "127.0.0.1"
    listen_port: int = 8000
    public_url: str = ""  # no trailing slash, may carry a path prefix; "" = http://<listen>
    database_url: str = ""  # "" = SQLite in the data folder; else sqlite:///<another one's file> or postgresql://...
    store: str = ""  # "" = <data>/store; else a folder or s3://bucket/prefix
    store_pair: str = ""  # a second folder or bucket that holds everything as well; "" = none
    store_pair_notes: str = ""  # where the release beside this one notes what its pair is behind with; "" = <data>/pair
    tls_cert: str = ""
    tls_key: str = ""
    trusted_proxies: tuple[str, ...] = ()  # addresses or networks whose X-Forwarded-* are believed
    fronts: int = 1  # front worker processes on this machine
    control_threads: int = 8
    upload_bytes_max: int = 10 * 1024 * MIB
    upload_seconds_max: int = 3600
    upload_rate_bytes_min: int = 1024  # per second, averaged after a grace of 30 s
    spool_bytes_max: int = 50 * 1024 * MIB
    page_cache_bytes: int = 96 * MIB  # per front
    hold_seconds: float = 8.0  # how long an upload waits for a database or store that blinks
    webhook_networks: tuple[str, ...] = ()  # networks that are not public and that webhooks may reach
    token_days_max: int = 366  # of tokens that people make for themselves; 0: they need not end
    deleted_days: int = 30  # how long the bytes of files that their owners deleted are kept
    cache_bytes_max: int = 200 * 1024 * MIB  # what is kept of upstreams, all together; pins do not count
    copies_bytes_max: int = 20 * 1024 * MIB  # local copies of a remote store's objects, on each machine with fronts
    free_bytes_min: int = 1024 * MIB  # left free on the data folder's disk: keeping ends before serving does
    scrub_bytes_daily: int = 10 * 1024 * MIB  # kept bytes hashed again each day
    sign_up: SignUp = "invited"
    two_factor: TwoFactor = "publishers"
    breached_passwords: str = ""  # a file of SHA-1 digests, or the URL of a range service; "" = not looked up
    mail_from: str = ""  # "" = holdfast@ and the public host
    mail_servers: tuple[str, ...] = ()  # URLs, tried in order; () = mails wait in the outbox
    canary_seconds: int = 0  # between two looks of the monitor canary.publish; 0 = off
    domain_watch: bool = True  # of people's mail domains, once there are mail servers
    domain_resolvers: tuple[
        tuple[str, int], ...
    ] = ()  # addresses and ports that the watch asks; () = this machine's own
    domain_registries: tuple[tuple[str, str], ...] = ()  # (suffix or "*", RDAP service's URL); () = DNS alone
    secret_key_file: str = ""  # signs cookies, encrypts second factors; "" = <data>/secret-key
    secret_key_fallback_files: tuple[str, ...] = ()  # earlier keys, whose signatures are still taken
    attestations_trust_root: str = ""  # sigstore's trusted_root.json; "" = attestations are kept unverified
    advisories: str = ""  # an OSV dump (zip file or folder) on this machine; "" = none
    description_images: bool = False  # pictures of descriptions are loaded from elsewhere, over https
    publishing_audience: str = ""  # what identity tokens must be made for; "" = the public URL
    providers: tuple[ProviderConfig, ...] = ()  # whose identity tokens may be exchanged; () = trusted publishing is off
    sign_in: tuple[SignIn, ...] = ()  # providers that people may sign in with
    log_level: str = "info"
    access_log: str = ""  # "" = <data>/log/access.jsonl, "-" = standard output, "off"
    access_log_bytes_max: int = 64 * MIB  # rotated once past this size, one old file kept
    upstreams: tuple[UpstreamConfig, ...] = ()
    indexes: tuple[IndexConfig, ...] = field(default=(IndexConfig(DEFAULT_INDEX),))
    instance: str = ""  # the instance id, read from the data folder's marker once it exists

    def index(self, name: str) -> IndexConfig | None:
        """The hosted index of that name."""
        return next((i for i in self.indexes if i.name == name), None)

    def upstream(self, name: str) -> UpstreamConfig | None:
        """The upstream of that name."""
        return next((u for u in self.upstreams if u.name == name), None)

    @property
    def base_url(self) -> str:
        """What clients put before `/simple/`: the public URL, else the listen address."""
        if self.public_url:
            return self.public_url
        scheme = "https" if self.tls_cert else "http"
        host = f"[{self.listen_host}]" if ":" in self.listen_host else self.listen_host
        return f"{scheme}://{host}:{self.listen_port}"

    def provider(self, issuer: str) -> ProviderConfig | None:
        """The provider of that issuer."""
        return next((p for p in self.providers if p.issuer == issuer), None)

    def audience(self, index: str = "") -> str:
        """What identity tokens must be made for: any index of this instance, or the named one alone."""
        audience = self.publishing_audience or self.base_url
        return f"{audience}/{index}" if index else audience

    def index_url(self, index: str) -> str:
        """The absolute URL of an index's root, without a trailing slash: from configuration, never from Host."""
        return self.base_url if index == DEFAULT_INDEX else f"{self.base_url}/{index}"

    # The data folder's layout, spelt once.
    @property
    def store_folder(self) -> Path:
        return self.data / "store"

    @property
    def pair_folder(self) -> Path:
        """What a pair of stores knows about itself (store/pair_notes.py): never on either of the two."""
        return Path(self.store_pair_notes) if self.store_pair_notes else self.data / "pair"

    @property
    def sqlite_file(self) -> Path:
        """The database, unless it is PostgreSQL's: the data folder's own, or the one a release runs on beside."""
        elsewhere = self.database_url.removeprefix(SQLITE_URL)
        return Path(elsewhere) if elsewhere != self.database_url else self.data / "holdfast.sqlite3"

    @property
    def marker(self) -> Path:
        """JSON: instance id and data format. Its presence means: initialised."""
        return self.data / "instance.json"

    @property
    def upstream_file(self) -> Path:
        """JSON: the upstream found in pip's configuration at first start. Later starts believe it, not pip."""
        return self.data / "upstream.json"

    @property
    def lock_file(self) -> Path:
        """Held with flock by the one running supervisor; its text is that process's id."""
        return self.data / "lock"

    @property
    def first_token_file(self) -> Path:
        """The first token, when standard output was no terminal to show it on."""
        return self.data / "first-token"

    @property
    def run_folder(self) -> Path:
        return self.data / "run"

    @property
    def monitors_file(self) -> Path:
        """JSON: what this machine's monitors found last."""
        return self.data / "monitors.json"

    @property
    def resolved_file(self) -> Path:
        """JSON: this Config as the supervisor resolved it, so that every role of one start runs with equal settings."""
        return self.run_folder / "config.json"

    @property
    def proven_stores_file(self) -> Path:
        """Fingerprints of the store credentials that worked here (cli/store_proof.py)."""
        return self.run_folder / "proven-stores.json"

    @property
    def pids_file(self) -> Path:
        """JSON: role -> process id, for drills and `holdfast check`."""
        return self.run_folder / "pids.json"

    @property
    def control_socket(self) -> Path:
        return self.run_folder / "control.sock"

    @property
    def pull_socket(self) -> Path:
        return self.run_folder / "pull.sock"

    @property
    def head_hint(self) -> Path:
        """8 bytes, little-endian: the newest published serial, bumped by publishers, mapped by fronts."""
        return self.run_folder / "head"

    @property
    def spool_folder(self) -> Path:
        return self.data / "spool"

    @property
    def partial_folder(self) -> Path:
        return self.data / "partial"

    @property
    def cache_folder(self) -> Path:
        """What pull knows of what it keeps: use, statistics, how far it has scrubbed. Lost, it is begun anew."""
        return self.data / "cache"

    @property
    def backup_folder(self) -> Path:
        return self.data / "backups"

    @property
    def log_folder(self) -> Path:
        return self.data / "log"


def is_loopback_host(host: str) -> bool:
    """True for this machine itself, by address or by its one reserved name."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
