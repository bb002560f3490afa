"""JupyterLab for this project: what is saved carries no outputs, and nothing is sent anywhere.

``make lab`` points ``JUPYTER_CONFIG_PATH`` at this folder.
"""

from loyaltylab.reports.notebook_source import strip_before_save

c = get_config()  # type: ignore[name-defined]  # noqa: F821  (Jupyter provides it)
c.ContentsManager.pre_save_hook = strip_before_save
