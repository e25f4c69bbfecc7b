"""Names the plugin; everything else is in dualstack/."""

pytest_plugins = ["dualstack.session.plugin"]
