"""The watch over people's mail domains: whoever registers a lapsed one must not get an account with it."""
