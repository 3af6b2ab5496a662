"""The scripts of Dragonfly's article on Hugging Face: python article_download.py PROXY CDN FORM VERB ARGUMENTS-AS-JSON."""

import hashlib
import json
import sys

import requests
from huggingface_hub import configure_http_backend, hf_hub_download, snapshot_download
from requests.adapters import HTTPAdapter

proxy, cdn, form, verb, arguments = sys.argv[1:]


class CurrentAdapter(HTTPAdapter):
    """For requests since 2.32: the request itself goes by http, so the proxy sees the whole address."""

    def get_connection_with_tls_context(self, request, verify, proxies=None, cert=None):
        if request.url.startswith(cdn):
            request.url = request.url.replace("https://", "http://", 1)
        return super().get_connection_with_tls_context(request, verify, proxies, cert)


class FormerAdapter(HTTPAdapter):
    """For requests up to 2.31: only the connection is the proxy's; the request keeps https, so it goes without its host."""

    def get_connection(self, url, proxies=None):
        if url.startswith(cdn):
            url = url.replace("https://", "http://", 1)
        return super().get_connection(url, proxies)

    def add_headers(self, request, **kwargs):
        super().add_headers(request, **kwargs)
        if request.url.startswith(cdn):
            request.headers["X-Dragonfly-Registry"] = cdn


def backend_factory():
    adapter = {"current": CurrentAdapter, "former": FormerAdapter}[form]
    session = requests.Session()
    session.mount("http://", adapter())
    session.mount("https://", adapter())
    session.proxies = {"http": proxy}
    return session


configure_http_backend(backend_factory=backend_factory)
path = {"file": hf_hub_download, "snapshot": snapshot_download}[verb](**json.loads(arguments))
print(json.dumps({"requests": requests.__version__, "path": path}))
