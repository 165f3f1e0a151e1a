"""Faults as values: whom they touch, and that chance is the seed's."""

from holdfast.drill.bucket import GOOD, Credential, refuses_all_but
from holdfast.drill.faults import NO_FAULT, Fault


def test_a_fault_touches_the_methods_it_names_and_all_without() -> None:
    fault = Fault(paths="/bucket/*", methods=("PUT", "POST"))

    touched = [method for method in ("GET", "HEAD", "PUT", "POST") if fault.touches("/bucket/key", method)]

    assert ["PUT", "POST"] == touched
    assert not fault.touches("/other", "PUT")
    assert NO_FAULT.touches("/anything", "DELETE")


def test_a_share_of_the_requests_is_drawn_from_the_seed_alone() -> None:
    def drawn(seed: int) -> list[int]:
        fault = Fault(share=0.15, seed=seed)
        return [number for number in range(1000) if fault.touches("/", request_number=number)]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)
    assert 100 <= len(drawn(1)) <= 200


def test_a_store_that_refuses_a_credential_spares_the_other() -> None:
    header = "AWS4-HMAC-SHA256 Credential={}/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
    fault = refuses_all_but(GOOD)

    assert not fault.touches("/", "PUT", header.format(GOOD.key))
    assert fault.touches("/", "PUT", header.format("wrong-key"))
    assert refuses_all_but(None).touches("/", "PUT", header.format(GOOD.key))


def test_a_credential_never_shows_its_secret() -> None:
    assert "hidden" not in repr(Credential("key", "hidden"))
