"""Networks of one's own and published ports: the real command line.

The real Docker of the test harness has no bridge, so this table is checked against ours alone.
"""

from __future__ import annotations

import pytest

from tests.conformance.daemons import WHERRY, Daemon
from tests.conformance.table import ID, Step, run_steps

pytestmark = [pytest.mark.needs("docker-cli", "busybox")]

SERVER = "IMAGE httpd -f -p 8080 -h /var/www"

TABLES: dict[str, list[Step]] = {
    "names": [
        Step("network create nn", out=ID),
        Step("network create nn", code=1, out="", err=".*network with name nn already exists\n"),
        Step(
            "network ls --filter name=nn --format '{{.Name}} {{.Driver}} {{.Scope}}'", out="nn bridge local\n"
        ),
        Step("network inspect -f '{{.Driver}} {{.Internal}} {{len .Containers}}' nn", out="bridge false 0\n"),
        Step(f"run -d --name web --network nn --network-alias www {SERVER}", out=ID),
        Step("run --rm --network nn IMAGE wget -qO- http://web:8080/", out="ahoy\n"),
        Step("run --rm --network nn IMAGE wget -qO- http://www:8080/", out="ahoy\n"),
        Step("network inspect -f '{{len .Containers}}' nn", out="1\n"),
        Step("ps --filter network=nn --format '{{.Names}} {{.Networks}}'", out="web nn\n"),
        Step("network rm nn", code=1, out="", err=".*has active endpoints.*"),
        Step("network create other", out=ID),
        Step("network connect other web", out=""),
        Step("run --rm --network other IMAGE wget -qO- http://web:8080/", out="ahoy\n"),
        Step("network connect other web", code=1, err=".*already exists in network other\n"),
        Step("network disconnect nn web", out=""),
        Step("network rm nn", out="nn\n"),
        Step("rm -f web", out="web\n"),
        Step("network prune -f", out="Deleted Networks:\nother\n\n"),
        Step("network inspect other", code=1, out="\\[\\]\n", err=".*network other not found\n"),
    ],
    "addresses": [
        Step("network create --subnet 10.231.7.0/24 --gateway 10.231.7.1 fixed", out=ID),
        Step("run --rm --network fixed --ip 10.231.7.9 IMAGE hostname -i", out="10.231.7.9 ?\n"),
        Step("network inspect -f '{{(index .IPAM.Config 0).Subnet}}' fixed", out="10.231.7.0/24\n"),
        Step("network create --subnet 10.231.7.0/25 clash", code=1, err=".*[Pp]ool overlaps.*"),
        Step("network create --subnet nonsense bad", code=1, err=None),
        Step("network create -d nope bad", code=1, err=None),
        Step("network rm fixed", out="fixed\n"),
    ],
    "configurations": [
        Step("network create --config-only --subnet 10.231.11.0/24 -o x=y --label a=b conf", out=ID),
        Step(
            "network inspect -f '{{.Driver}} {{.ConfigOnly}} {{.Options}} {{.Labels}} {{.IPAM.Config}}' conf",
            out="null true map\\[x:y\\] map\\[a:b\\] \\[.*10.231.11.0/24.*\\]\n",
        ),
        Step(
            "network create --config-only --internal more",
            code=1,
            err=".*configuration network can only contain network specific fields.*",
        ),
        Step("network create --config-only --config-from conf more", code=1, err=".*cannot depend on.*"),
        Step("network create --config-from none more", code=1, err='.*network "none" does not exist\n'),
        Step("network create --config-from conf --label x=y more", code=1, err=".*user specified.*"),
        Step("network create --config-from conf -o x=z more", code=1, err=".*driver options are not.*"),
        Step("network create --config-from conf --internal made", out=ID),
        Step(
            "network inspect -f '{{.Driver}} {{.ConfigFrom.Network}} {{.Options}} {{.Labels}}' made",
            out="bridge conf map\\[x:y\\] map\\[a:b\\]\n",
        ),
        Step("run --rm --network made IMAGE hostname -i", out="10.231.11.2 ?\n"),
        Step("run --rm --network conf IMAGE true", code=125, err=".*on configuration-only network.*"),
        Step("network create --config-from conf more", code=1, err=".*[Pp]ool overlaps.*"),
        Step("network create --config-from made more", code=1, err='.*network "made" does not exist\n'),
        Step("network rm conf", code=1, err='.*configuration network "conf" is in use\n.*'),
        Step("network prune -f", out="Deleted Networks:\nmade\n\n"),
        Step("network rm conf", out="conf\n"),
    ],
    "what can't be meant": [
        Step("network create -d host x", code=1, err='.*only one instance of "host" network is allowed\n'),
        Step("network create --ipam-driver nope x", code=1, err=".*plugin nope.*not found\n"),
        Step("network create --scope swarm x", code=1, err=".*swarm is not active\n"),
        Step(
            "network create --subnet 10.231.8.0/24 --subnet 10.231.9.0/24 x",
            code=1,
            err=".*multiple subnets\n",
        ),
        Step(
            "network create -o com.docker.network.bridge.name=longer-than-15-bytes x",
            code=1,
            err=".*invalid interface name.*",
        ),
        Step("network ls --filter type=zzz", code=1, err=".*invalid filter: 'type'='zzz'\n"),
        Step("run --network none --ip 10.0.0.1 IMAGE true", code=125, err=".*user defined networks only\n.*"),
        Step(
            "network inspect -f '{{index .Options \"com.docker.network.driver.mtu\"}}' bridge", out="1500\n"
        ),
    ],
    "links and shared networks": [
        Step("network create nn", out=ID),
        Step(f"run -d --name web -h harbour --network nn {SERVER}", out=ID),
        Step("run --rm --network nn --link web:site IMAGE wget -qO- http://site:8080/", out="ahoy\n"),
        Step("run -d --name late --network nn IMAGE sleep 1000", out=ID),
        Step("network disconnect nn late", out=""),
        Step("network connect --link web:other nn late", out=""),
        Step("exec late wget -qO- http://other:8080/", out="ahoy\n"),
        Step("run --rm --network container:web IMAGE hostname", out="harbour\n"),
        Step("run --rm --network container:web IMAGE grep -c harbour /etc/hosts", out="1\n"),
        Step(
            "run --rm --network container:web -h x IMAGE true",
            code=125,
            err=".*conflicting options: hostname and the network mode\n.*",
        ),
        Step("rm -f web late", out="web\nlate\n"),
        Step("network rm nn", out="nn\n"),
    ],
    "ports": [
        Step(f"run -d --name web -p 127.0.0.1:18089:8080 {SERVER}", out=ID),
        Step("port web", out="8080/tcp -> 127.0.0.1:18089\n"),
        Step("port web 8080", out="127.0.0.1:18089\n"),
        Step("port web 99", code=1, err=".*No public port .99. published for web\n"),
        Step("ps --format '{{.Ports}}'", out="127.0.0.1:18089->8080/tcp\n"),
        Step(
            f"run -d --name twice -p 127.0.0.1:18089:8080 {SERVER}",
            code=125,
            out=None,
            err=".*port is already allocated.*",
        ),
        Step("rm -f web", out="web\n"),
    ],
}


@pytest.mark.parametrize("table", TABLES)
def test_table(daemon: Daemon, table: str) -> None:
    if daemon.name != WHERRY:
        pytest.skip("needs a real Docker with a bridge")
    run_steps(daemon, TABLES[table])
    for name in ("nn", "other", "fixed", "clash", "bad"):
        daemon.docker("network", "rm", name)
