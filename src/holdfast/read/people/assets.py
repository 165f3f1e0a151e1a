"""Answers `assets/<name>`: this release's from the package, other releases' from the store, where each left its own.

So a page that was made by another release, and kept by an edge or a browser, never loses its looks (incident r35).
"""

import asyncio
from collections import OrderedDict

from holdfast.core.errors import Absent
from holdfast.core.negotiation import Encoding, choose_encoding
from holdfast.pages.assets import Asset, assets, is_asset_name, media_type_of
from holdfast.read.people import headers
from holdfast.read.workers import Workers
from holdfast.tree import addresses
from holdfast.tree.reader import TreeReader
from holdfast.tree.rendered import compress_page
from holdfast.wire.messages import Request, Response

OTHERS_MAX = 64  # assets of other releases remembered: a dozen releases' worth, some 30 KB each
BYTES_MAX = 1024 * 1024
# A release that just starts somewhere may send pages before its assets lie in the store: who asks here waits for them.
ARRIVAL_SECONDS = 1.0
ARRIVAL_LOOKS = 4
WAITING_MAX = 32  # of such waits at once


class AssetAnswers:
    """The assets of every release that this instance has run."""

    def __init__(self, reader: TreeReader, workers: Workers, arrival_seconds: float = ARRIVAL_SECONDS) -> None:
        self._arrival_seconds = arrival_seconds
        self._waiting = 0
        self._reader = reader
        self._workers = workers
        self._others: OrderedDict[str, Asset] = OrderedDict()
        self._encoded: dict[tuple[str, Encoding], bytes] = {}

    async def answer(self, request: Request, name: str) -> Response:
        """The asset. Raises Absent, which is told without leave to keep it, and Unavailable."""
        asset = assets().get(name) or await self._other(name)
        encoding = choose_encoding(request.headers.get("accept-encoding"))
        tag = asset.name.rpartition(".")[0]
        return Response(200, headers.asset(asset.media_type, tag, encoding), self._body(asset, encoding))

    async def _other(self, name: str) -> Asset:
        if not is_asset_name(name):
            raise Absent("there is no such asset")
        known = self._others.get(name)
        if known is not None:
            return known
        body = await self._arrived(addresses.asset(name))
        asset = self._others[name] = Asset(name, media_type_of(name), body)
        if len(self._others) > OTHERS_MAX:
            self._others.popitem(last=False)
        return asset

    async def _arrived(self, key: str) -> bytes:
        looks = ARRIVAL_LOOKS if self._waiting < WAITING_MAX else 0
        self._waiting += 1
        try:
            for look in range(looks + 1):
                try:
                    return await self._workers.in_thread(self._reader.store.read, key, 0, BYTES_MAX)
                except Absent:
                    if look < looks:
                        await asyncio.sleep(self._arrival_seconds / ARRIVAL_LOOKS)
        finally:
            self._waiting -= 1
        raise Absent("no release here has had such an asset")

    def _body(self, asset: Asset, encoding: Encoding) -> bytes:
        if asset.name not in assets():
            return compress_page(asset.body, encoding)
        key = (asset.name, encoding)
        if key not in self._encoded:
            self._encoded[key] = compress_page(asset.body, encoding)
        return self._encoded[key]
