"""A Hub of one's own: what huggingface_hub speaks with, on loopback or in a closed network.

    request -> server -> api (who may, which route) -> repositories, uploads, files -> store

Written after the client's source and Xet's published specification; standard library and PyYAML.
"""

from zoo.hub.server.folders import Folders
from zoo.hub.server.http import HttpError, Request, Response
from zoo.hub.server.routes import HubApp
from zoo.hub.server.server import serving
from zoo.hub.server.store import Repo, Store, User

__all__ = [
    "Folders",
    "HttpError",
    "HubApp",
    "Repo",
    "Request",
    "Response",
    "Store",
    "User",
    "serving",
]
