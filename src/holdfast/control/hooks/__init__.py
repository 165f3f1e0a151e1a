"""Webhooks: telling other systems what was done, by rows of the transaction that did it and a sender that goes on."""
