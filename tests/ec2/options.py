# SPDX-License-Identifier: ISC
"""Claims about the options of `ec2 run`: addresses, ports, roles, spot, several instances, prices."""

from place import CONSOLE, Place, claim, ends, stays


@claim
def an_instance_has_an_address_open_ports_and_a_price():
    with Place(ends(0)) as p:
        _, err = p.ec2("run", "-p", "8080:80", "--port", "53/udp", p.disk)
        assert "has the public address 203.0.113." in err and "compute-1.amazonaws.com" in err, err
        assert "about $0.0116 per hour" in err and "everybody can reach 80/tcp, 53/udp" in err, err
        assert "`run` or `ec2 gc` deletes" in err, err
        (made,) = p.cloud.calls("AuthorizeSecurityGroupIngress")
        assert [(x["IpProtocol"], x["FromPort"], x["ToPort"]) for x in made["IpPermissions"]] == [
            ("tcp", 80, 80), ("udp", 53, 53)]
        (asked,) = p.cloud.calls("RunInstances")
        assert asked["SecurityGroupIds"] == [made["GroupId"]]
        assert not p.cloud.groups and " ran " in err, err
        log = [name for name, _ in p.cloud.log]
        assert log.index("CreateSecurityGroup") < log.index("RunInstances")
        for word in ("0", "99999", "http", "80/icmp"):
            _, err = p.ec2("run", "-p", word, p.disk, status=125)
            assert f"port '{word}'" in err, err


@claim
def a_group_of_a_launch_that_fails_or_is_forgotten_is_deleted():
    with Place(stays) as p:
        for name in ("CreateSecurityGroup", "AuthorizeSecurityGroupIngress", "DeleteSecurityGroup"):
            p.cloud.trouble[name] = ["lost", "ok"] * 3
        p.cloud.trouble["CreateSchedule"] = ["503"] * 6
        p.ec2("run", "-p", "80", p.disk, status=125)
        assert not p.cloud.groups and p.states() == ["terminated"]
        p.cloud.trouble.clear()
        p.ec2("run", "--detach", "-p", "80", "--subnet", "subnet-1", p.disk)
        (group,) = p.cloud.groups.values()
        assert group["VpcId"] == "vpc-1"
        out, _ = p.ec2("list")
        (name,) = p.cloud.schedules
        assert group["GroupId"] in out and name in out and "schedule" in out, out
        p.ec2("gc", "--all")
        assert not p.cloud.groups and not p.cloud.schedules


@claim
def several_instances_end_together_and_the_first_error_counts():
    states = iter([0, 7, 0])
    with Place(lambda i: (f"hello\n{CONSOLE.format(next(states))}", "poweroff")) as p:
        out, err = p.ec2("run", "--count", "3", p.disk, status=7)
        names = list(p.cloud.instances)
        assert all(f"{n}: hello\n{n}: end: poweroff" in out for n in names), out
        assert p.states() == ["terminated"] * 3 and not p.cloud.schedules
        assert len(p.cloud.calls("CreateSchedule")) == 3 and "3 times" in err and "$0.0348" in err, err
        p.ec2("run", "--count", "99", p.disk, status=125)
        p.cloud.trouble["CreateSchedule"] = ["ok"] + ["503"] * 6
        p.ec2("run", "--count", "2", p.disk, status=125)
        assert p.states() == ["terminated"] * 5 and not p.cloud.schedules


@claim
def spot_role_and_elastic_address_reach_aws():
    with Place(stays) as p:
        _, err = p.ec2("run", "--detach", "--spot", "--instance-role", "xenolith-app-web", "--elastic-ip", "eipalloc-1", p.disk)
        (asked,) = p.cloud.calls("RunInstances")
        assert asked["InstanceMarketOptions"]["SpotOptions"] == {
            "SpotInstanceType": "one-time", "InstanceInterruptionBehavior": "terminate"}
        assert asked["IamInstanceProfile"] == {"Name": "xenolith-app-web"} and "less as spot" in err
        (i,) = p.cloud.instances.values()
        assert i["address"] == "eipalloc-1" and "has the address eipalloc-1" in err, err
        _, err = p.ec2("run", "--instance-role", "admin", p.disk, status=125)
        assert "not permitted" in err and len(p.cloud.instances) == 1, err
        _, err = p.ec2("run", "--elastic-ip", "1.2.3.4", "--count", "2", p.disk, status=125)
        assert "one instance" in err, err


@claim
def the_console_is_sent_to_cloudwatch_and_an_error_of_it_ends_nothing():
    with Place(lambda i: ("x" * 5000 + "\nhello\n" + CONSOLE.format(3), "poweroff")) as p:
        for name in ("CreateLogGroup", "CreateLogStream"):
            p.cloud.trouble[name] = ["lost", "ok"]
        _, err = p.ec2("run", "--log-group", "xenolith/web", p.disk, status=3)
        (name,) = p.cloud.instances
        assert p.cloud.logs["xenolith/web"].get(name) == ["x" * 4096, "x" * 904, "hello", CONSOLE.format(3).strip()], err
        p.cloud.trouble["PutLogEvents"] = ["throttle"] * 6
        out, err = p.ec2("run", "--log-group", "xenolith/web", p.disk, status=3)
        assert err.count("is not sent to CloudWatch any more") == 1 and "hello" in out, err
        assert p.states() == ["terminated"] * 2
        for words, says in ((["--log-group", "other"], "begin with xenolith"),
                            (["--log-group", "xenolith", "--detach"], "leave --detach out")):
            _, err = p.ec2("run", *words, p.disk, status=125)
            assert says in err and len(p.cloud.instances) == 2, err


@claim
def secrets_are_not_written_into_user_data_or_disks():
    with Place(ends(0)) as p:
        for words in (["run", "--words", "a env.DB_PASSWORD=x"], ["run", "--cmdline", "env.api_token=x"],
                      ["fleet", "--min", "1", "--max", "1", "--words", "env.MY_SECRET_KEY=x"],
                      ["upload", "--cmdline", "env.AWS_SECRET_ACCESS_KEY=x"]):
            _, err = p.ec2(*words, p.kernel, status=125)
            assert "can be read by everybody" in err and "--instance-role" in err, err
        assert not p.ours() and not p.cloud.instances and not p.cloud.fleets
        p.ec2("run", "--words", "env.MODE=secret password=1", p.disk)


@claim
def gc_of_all_regions_asks_each_and_goes_on_after_an_error():
    with Place(stays) as p:
        p.ec2("run", "--detach", p.disk)
        p.cloud.regions.clear()
        p.cloud.trouble["DescribeInstances"] = ["503"] * 6
        _, err = p.ec2("gc", "--all", "--all-regions", status=1)
        assert p.cloud.regions == {"us-east-1", "eu-west-1"} and "eu-west-1: " in err, err
        assert set(p.states()) == {"terminated"}, p.states()
