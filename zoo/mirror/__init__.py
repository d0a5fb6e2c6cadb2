"""A Hub of one's own: what huggingface_hub speaks with, on loopback or in a closed network.

    request -> server -> api (who may, which route) -> repositories, uploads, files -> store

Written after the client's source and Xet's published specification; standard library and PyYAML.
"""

from zoo.mirror.api import Hub
from zoo.mirror.folders import Folders
from zoo.mirror.messages import Refusal, Reply, Request
from zoo.mirror.server import serving
from zoo.mirror.store import Repo, Store, User

__all__ = ["Folders", "Hub", "Refusal", "Reply", "Repo", "Request", "Store", "User", "serving"]
