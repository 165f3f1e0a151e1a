"""People's own tokens: made within their rights, seen being used, narrowed with their rights, ended when leaked."""
