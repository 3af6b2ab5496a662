"""Runs a list of calls, read as JSON from stdin, with the installed huggingface_hub and prints their results as JSON."""

import hashlib
import json
import sys

import huggingface_hub
from huggingface_hub import HfApi, hf_hub_download, scan_cache_dir, snapshot_download


def version():
    return huggingface_hub.__version__


def tree(**arguments):
    entries = HfApi().list_repo_tree(**arguments)
    return [[entry.path, getattr(entry, "size", None)] for entry in entries]


def info(**arguments):
    found = HfApi().repo_info(**arguments)
    return {"sha": found.sha, "files": [sibling.rfilename for sibling in found.siblings]}


def paths_info(**arguments):
    entries = HfApi().get_paths_info(**arguments)
    return [[entry.path, entry.lfs.sha256 if entry.lfs else None] for entry in entries]


def refs(**arguments):
    found = HfApi().list_repo_refs(**arguments)
    pulls = [ref.name for ref in found.pull_requests or []]
    return {
        "branches": [ref.name for ref in found.branches],
        "tags": [ref.name for ref in found.tags],
        "converts": [ref.name for ref in found.converts],
        "pull_requests": pulls,
    }


def commits(**arguments):
    return [commit.commit_id for commit in HfApi().list_repo_commits(**arguments)]


def whoami(**arguments):
    return HfApi().whoami(**arguments)["name"]


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def download(**arguments):
    path = hf_hub_download(**arguments)
    return {"path": path, "sha256": digest(path)}


def scan(cache_dir):
    found = scan_cache_dir(cache_dir)
    repos = [
        {"id": repo.repo_id, "type": repo.repo_type, "refs": sorted(repo.refs), "files": repo.nb_files}
        for repo in found.repos
    ]
    return {"warnings": [str(warning) for warning in found.warnings], "repos": repos}


verbs = {
    "version": version,
    "download": download,
    "snapshot": snapshot_download,
    "tree": tree,
    "info": info,
    "paths_info": paths_info,
    "refs": refs,
    "commits": commits,
    "whoami": whoami,
    "scan": scan,
}


def attempt(call):
    try:
        return {"value": verbs[call["verb"]](**call.get("arguments", {}))}
    except Exception as error:
        classes = [kind.__name__ for kind in type(error).__mro__]
        return {"error": {"classes": classes, "message": str(error)}}


print(json.dumps([attempt(call) for call in json.load(sys.stdin)], default=str))
