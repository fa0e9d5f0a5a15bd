"""What runs in containers: nothing as root, no secret inside, no unknown version."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent.parent
DEPLOY = ROOT / "deploy"
KEYS = {  # of a service, as the Compose specification names them, as far as they are used
    *("image", "build", "env_file", "environment", "volumes", "networks", "depends_on", "command"),
    *("read_only", "tmpfs", "cap_drop", "security_opt", "restart", "stop_grace_period", "user"),
    *("healthcheck", "ports", "shm_size", "sysctls"),
}
SECRET = re.compile(r"(password|token|secret|key)\s*[:=]\s*\S", re.IGNORECASE)


@pytest.fixture(scope="module")
def image() -> list[tuple[str, str]]:
    """(instruction, what it says) of the Dockerfile, with continued lines joined."""
    text = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines()]
    return [tuple(line.split(" ", 1)) for line in lines if line and line[0] != "#"]  # type: ignore[misc]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def said(image: list[tuple[str, str]], instruction: str) -> list[str]:
    return [words for name, words in image if name == instruction]


def test_the_image_ends_as_somebody_who_is_not_root(image):
    last = max(at for at, (name, _) in enumerate(image) if name == "FROM")
    final = image[last:]
    (user,) = said(final, "USER")
    assert user.isdecimal() and int(user) > 0  # a number: Kubernetes checks it
    after = [name for name, _ in final[final.index(("USER", user)) :]]
    assert "RUN" not in after and "COPY" not in after


def test_the_image_is_built_of_known_versions_and_leaves_nothing_behind(image):
    assert {name for name, _ in image} <= {
        *(
            "FROM",
            "WORKDIR",
            "COPY",
            "RUN",
            "ENV",
            "USER",
            "VOLUME",
            "EXPOSE",
            "HEALTHCHECK",
            "CMD",
        ),
        "STOPSIGNAL",
    }  # no ADD, no ARG
    for base in said(image, "FROM"):
        name, _, tag = base.split(" ")[0].partition(":")
        assert tag and tag != "latest", name
    for words in said(image, "RUN"):
        assert "sudo" not in words and "curl" not in words
        if "apt-get install" in words:
            assert "--no-install-recommends" in words and "rm -rf /var/lib/apt/lists" in words
        if "pip install" in words:
            assert "--no-cache-dir" in words and "-r requirements.txt" in words
    assert all(words.startswith("[") for words in said(image, "CMD"))
    (check,) = said(image, "HEALTHCHECK")
    assert "/healthz" in check and "--timeout" in check


def test_no_secret_gets_into_the_image(image):
    for words in said(image, "ENV"):
        assert not SECRET.search(words)
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert {".git", ".venv", "var", "deploy/*.env", "deploy/tls"} <= {*ignored}


def test_a_container_ends_when_it_is_asked_to(image):
    assert said(image, "STOPSIGNAL") == ["SIGINT"]  # SIGTERM waited ten seconds for the kill


def test_what_the_image_starts_is_there(image):
    copied = {part for words in said(image, "COPY") for part in words.split()}
    assert "." in copied
    assert (ROOT / "app.py").exists() and "app.py" in said(image, "CMD")[0]


def test_every_service_is_declared_as_compose_knows_it(compose):
    services = compose["services"]
    assert set(services) == {"app1", "app2", "watch", "database", "cache", "nginx"}
    for name, service in services.items():
        assert set(service) <= KEYS, name
        assert "image" in service and service["restart"] == "unless-stopped", name
        tag = service["image"].partition(":")[2]
        assert tag not in ("", "latest") or service.get("build"), name
        for network in service["networks"]:
            assert network in compose["networks"]
        for other, how in service.get("depends_on", {}).items():
            assert other in services and how["condition"] == "service_healthy"
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source.startswith((".", "/")) or source in compose["volumes"], volume


def test_only_nginx_is_reached_from_outside_and_nobody_has_more_rights_than_needed(compose):
    services = compose["services"]
    assert [name for name, each in services.items() if "ports" in each] == ["nginx"]
    assert compose["networks"]["inside"] == {"internal": True}
    for name, service in services.items():
        assert "no-new-privileges:true" in service["security_opt"], name
        assert not {"privileged", "cap_add", "network_mode", "pid"} & set(service), name
        if name != "database":  # its entry point makes the cluster as root and then gives that up
            assert service["read_only"] is True and service["cap_drop"] == ["ALL"], name


def test_secrets_come_from_files_that_are_not_here(compose):
    text = (DEPLOY / "compose.yaml").read_text()
    code = "\n".join(line.split(" #")[0] for line in text.splitlines() if line[:1] != "#")
    assert not re.search(r"(password|token|secret)", code, re.IGNORECASE)
    for service in compose["services"].values():
        for name in service.get("env_file", []):
            assert (DEPLOY / f"{name}.example").exists()
            assert not (DEPLOY / name).exists() or name in (ROOT / ".gitignore").read_text()
    for example in DEPLOY.glob("*.env.example"):
        for line in example.read_text().splitlines():
            if re.match(r"#?\w*(PASSWORD|TOKEN|KEY)=", line):
                assert line.endswith("="), line


def test_the_apps_are_those_that_nginx_and_the_images_know(compose):
    nginx = (DEPLOY / "nginx.conf").read_text()
    for name in re.findall(r"server (\w+):8050", nginx):
        assert name in compose["services"]
    major = compose["services"]["database"]["image"].partition(":")[2].partition("-")[0]
    assert major == "15"  # of Debian 12, on which the image stands: its pg_dump


def test_the_home_lies_in_the_volume_and_is_not_the_volume_itself(image, compose):
    """A restore renames the home, which a mount point refuses."""
    (volume,) = said(image, "VOLUME")
    home = f"{volume}/home"
    assert any(f"ZHINAO_HOME={home} " in words for words in said(image, "ENV"))
    assert any(f" {home}" in words for words in said(image, "RUN"))  # and its owner may write
    for name in ("app1", "app2", "watch"):
        service = compose["services"][name]
        assert service["environment"]["ZHINAO_HOME"] == home
        assert f"home:{volume}" in service["volumes"]


def test_the_settings_that_two_processes_need_are_in_the_example():
    example = (DEPLOY / "zhinao.env.example").read_text()
    for name in ("ZHINAO_OPERATIONS", "CACHE_TYPE", "CACHE_REDIS_URL", "ZHINAO_PROXIES"):
        assert f"#{name}=" in example or f"\n{name}=" in example
