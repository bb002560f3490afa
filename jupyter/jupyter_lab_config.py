"""No news, no update check, no extension catalogue: JupyterLab works without a network."""

c = get_config()  # type: ignore[name-defined]  # noqa: F821  (Jupyter provides it)
c.LabApp.news_url = None
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.LabApp.extension_manager = "readonly"
