"""The memory store keeps the contract."""

import pytest
from contract.store_contract import StoreContract

from holdfast.store.memory import MemoryStore


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def store(self) -> MemoryStore:
        return MemoryStore()
