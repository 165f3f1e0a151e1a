"""Mail: queued in the transaction of its cause, sent by the work role, readable while no server is set."""
