"""A Hub for huggingface_hub's clients, on loopback or in a closed network.

    uvicorn -> HubApp (routes) -> context (rights, bodies) -> handlers -> Store, Xet, Folders

Written after the client's source and Xet's published specification. Needs residual-zoo[server].
"""

from zoo.hub.server.app import HubApp
from zoo.hub.server.folders import Folders
from zoo.hub.server.http import HttpError
from zoo.hub.server.server import listen, make_server, serving
from zoo.hub.server.store import Repo, Store, User

__all__ = [
    "Folders",
    "HttpError",
    "HubApp",
    "Repo",
    "Store",
    "User",
    "listen",
    "make_server",
    "serving",
]
