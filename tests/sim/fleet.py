# SPDX-License-Identifier: Apache-2.0
"""The load balancers that the samples in events/ speak of, as they are live.

Mostly the live state is the one in the event. Where it is not, the comment says what the difference
is there to show.
"""

from dataclasses import dataclass, field

from .moto_backend import DESYNC_MODE, MotoBackend

DROP_INVALID_HEADERS = "routing.http.drop_invalid_header_fields.enabled"


@dataclass
class LiveLoadBalancer:
    name: str
    id: str  # the last part of its ARN
    mode: str = None
    tags: dict = field(default_factory=dict)
    scheme: str = "internet-facing"
    type: str = "application"
    drops_invalid_headers: bool = False
    account: str = "123456789012"

    @property
    def arn(self):
        word = {"application": "app", "network": "net", "gateway": "gwy"}[self.type]
        return (f"arn:aws:elasticloadbalancing:eu-west-1:{self.account}:loadbalancer/"
                f"{word}/{self.name}/{self.id}")


def synthetic(count, networks=0, gateways=0):
    """So many application load balancers of every mode, with and without an owner, and the others
    beside them. Every third is weak (monitor), every tenth has no owner."""
    def one(number, kind):
        mode = ("monitor", "defensive", "strictest")[number % 3] if kind == "application" else None
        tags = {} if number % 10 == 9 else {"Owner": f"team-{number % 7}", "Name": f"{kind}-{number}"}
        return LiveLoadBalancer(f"{kind}-{number:05d}", f"{number:016x}", mode, tags,
                                ("internet-facing", "internal")[number % 2], kind)

    kinds = (["application"] * count) + (["network"] * networks) + (["gateway"] * gateways)
    return [one(number, kind) for number, kind in enumerate(kinds)]


FLEET = [
    LiveLoadBalancer("storefront", "6d0ecf831eec9f09", "monitor",
                     {"Name": "storefront", "Environment": "production"}),
    LiveLoadBalancer("checkout", "9f1b3c5d7e2a4068", "monitor",
                     {"Owner": "payments@example.com"}),
    LiveLoadBalancer("catalogue", "1a2c4e6f8b0d3957", "defensive", {"Owner": "catalogue-team"}),
    LiveLoadBalancer("batch-upload", "42d8f06b9c1e7a35", "defensive",
                     {"Environment": "staging"}, scheme="internal"),
    LiveLoadBalancer("identity", "7c3e9a5b1d0f2846", "strictest",
                     {"Owner": "identity@example.com"}, drops_invalid_headers=True),
    # The item holds no mode at all, as those captured before the attribute existed.
    LiveLoadBalancer("mobile-api", "8e6a4c2b0d9f7153", "defensive",
                     {"Owner": "mobile@example.com"}),
    # Its configuration item was too large for the event.
    LiveLoadBalancer("multi-tenant-edge", "d2f4b6a8c0e13597", "monitor",
                     {"Owner": "edge@example.com"}),
    # The item of four days ago says monitor; it was put right since.
    LiveLoadBalancer("search", "93e1c7a5b8d0f264", "defensive", {"Owner": "search-team"}),
    LiveLoadBalancer("tcp-edge", "17d9b3f5e7a2c640", None,
                     {"Owner": "network@example.com"}, type="network"),
    # The items of these three hold malformed values where the mode or the tags should be.
    LiveLoadBalancer("junk-mode", "43de355b7217f4f4", "defensive", {"Owner": "labs"}),
    LiveLoadBalancer("junk-tags", "0df95b7c87d32a07", "defensive", {"Owner": "labs"}),
    LiveLoadBalancer("junk-twice", "f68b4533fa8d3431", "monitor", {"Owner": "labs"}),
    # demo-2025 is missing: deleted after its item was captured.
]


def exists(aws):
    return all(lb.arn in aws.moto.load_balancers("eu-west-1") for lb in FLEET)


def create(aws, load_balancers=None):
    """Creates them in the local AWS by its own API."""
    load_balancers = FLEET if load_balancers is None else load_balancers
    MotoBackend.load_balancer_ids.update({lb.name: lb.id for lb in load_balancers})
    ec2, elbv2 = aws.client("ec2"), aws.client("elbv2")
    subnets = [s["SubnetId"] for s in ec2.describe_subnets()["Subnets"][:2]]
    for load_balancer in load_balancers:
        _create_one(elbv2, subnets, load_balancer)
    aws.reset_counts()


def _create_one(elbv2, subnets, load_balancer):
    tags = [{"Key": key, "Value": value} for key, value in load_balancer.tags.items()]
    made = elbv2.create_load_balancer(
        Name=load_balancer.name, Subnets=subnets, Scheme=load_balancer.scheme,
        Type=load_balancer.type, **({"Tags": tags} if tags else {}))
    arn = made["LoadBalancers"][0]["LoadBalancerArn"]
    if arn != load_balancer.arn:
        raise AssertionError(f"the local AWS made {arn}, not {load_balancer.arn}")
    if load_balancer.mode:
        drops = "true" if load_balancer.drops_invalid_headers else "false"
        elbv2.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=[
            {"Key": DESYNC_MODE, "Value": load_balancer.mode},
            {"Key": DROP_INVALID_HEADERS, "Value": drops}])
