"""Pages of control: what stands between a browser and a view. Public pages are the read plane's."""
