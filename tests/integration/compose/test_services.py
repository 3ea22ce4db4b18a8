"""Applications of Debian's own servers: two tiers on two networks, and a database with a replica."""

from __future__ import annotations

import urllib.request
from pathlib import Path

import pytest

from tests.images.make import make
from tests.integration.compose.conftest import Application

pytestmark = pytest.mark.needs("mmdebstrap")

TIERS = r"""
x-debian: &debian
  image: services:latest
  init: true
services:
  web:
    <<: *debian
    env_file: [web.env]
    command:
      - sh
      - -c
      - |
        printf 'server { listen 80; location / { proxy_pass http://app:8000/; } }' \
          > /etc/nginx/sites-enabled/default
        exec nginx -g 'daemon off;'
    ports: ["127.0.0.1::80"]
    healthcheck: {test: "curl -sf http://localhost/", interval: 200ms, retries: 100}
    depends_on: {app: {condition: service_healthy}}
    networks: {front: {ipv4_address: 10.216.1.10}, back: {ipv4_address: 10.216.2.10}}
  app:
    <<: *debian
    environment: {GREETING: "${GREETING:?in .env}"}
    command:
      - sh
      - -c
      - |
        mkdir /www; echo "$$GREETING" > /www/index.html
        printf 'server { listen 8000; root /www; }' > /etc/nginx/sites-enabled/default
        exec nginx -g 'daemon off;'
    healthcheck: {test: "curl -sf http://localhost:8000/", interval: 200ms, retries: 100}
    networks: {back: {ipv4_address: 10.216.2.20, aliases: [app]}}
networks:
  front: {ipam: {config: [{subnet: 10.216.1.0/24}]}}
  back: {internal: true, ipam: {config: [{subnet: 10.216.2.0/24}]}}
"""

CLUSTER = """
x-debian: &debian
  image: services:latest
  user: postgres
  stop_signal: SIGINT
  healthcheck: {test: "psql -h /tmp -c 'select 1' postgres", interval: 300ms, retries: 200}
  networks: [data]
services:
  primary:
    <<: *debian
    command:
      - bash
      - -c
      - |
        PATH=$$(echo /usr/lib/postgresql/*/bin):$$PATH
        initdb -D /tmp/db --auth=trust -N > /dev/null
        echo 'host all,replication all 0.0.0.0/0 trust' >> /tmp/db/pg_hba.conf
        exec postgres -D /tmp/db -k /tmp -h 0.0.0.0
  replica:
    <<: *debian
    depends_on: {primary: {condition: service_healthy}}
    command:
      - bash
      - -c
      - |
        PATH=$$(echo /usr/lib/postgresql/*/bin):$$PATH
        pg_basebackup -h primary -D /tmp/db -R -c fast
        exec postgres -D /tmp/db -k /tmp -h 0.0.0.0
networks: {data: }
"""


@pytest.fixture
def services(app: Application, images_folder: Path) -> Application:
    """The application's engine has the image `services`."""
    if "services" not in app.command("images", "--format", "{{.Repository}}").out.split():
        app.command("import", str(make(images_folder, "services.tar")), "services:latest", timeout=120)
    return app


def test_two_tiers_on_two_networks(services: Application) -> None:
    services.write(compose__yaml=TIERS, web__env="ROLE=front\n", __env="GREETING=hello from the back\n")
    services("up", "--wait")
    where = services("port", "web", "80").line
    with urllib.request.urlopen(f"http://{where}/") as answer:
        assert answer.read() == b"hello from the back\n"
    assert services("exec", "-T", "web", "sh", "-c", "echo $ROLE").line == "front"
    networks = services.inspect("shop-web-1")["NetworkSettings"]["Networks"]
    assert networks["shop_front"]["IPAddress"] == "10.216.1.10"
    assert networks["shop_back"]["IPAddress"] == "10.216.2.10"
    services("down", "-t", "2")


def test_a_database_and_its_replica(services: Application) -> None:
    services.write(compose__yaml=CLUSTER)
    services("up", "--wait")
    make_table = "create table t as select 42 as n"
    services("exec", "-T", "primary", "psql", "-h", "/tmp", "-c", make_table, "postgres")
    ask = "psql -h /tmp -Atc 'select n from t' postgres 2>/dev/null"
    script = f"for i in $(seq 50); do {ask} && exit; sleep 0.1; done"
    assert services("exec", "-T", "replica", "sh", "-c", script).line == "42"
    services("down", "-t", "5")
