"""The ten operations, driven by the reference's own client, as it comes from PyPI.

Run by tests/tests/it/sdk.rs, which starts the service and a subscriber. The client is
configured as its users configure it: SAIL_BASE_URL, SAIL_CLIENT_ID, SAIL_CLIENT_SECRET.
Arguments: which of its modules to drive: beta, v2024, v2025 or v1.
"""

import importlib
import json
import os
import sys
import time
import unittest
import warnings

from sailpoint.configuration import Configuration

# Models warn about every enum of every candidate of a oneOf.
warnings.simplefilter("ignore")

TRIGGER = "test:request-response"
FILTER = '$[?($.identityId == "7")]'
SUBSCRIBER = os.environ["SUBSCRIBER_URL"]
DEADLINE_SECONDS = 30


def eventually(what, look):
    end = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"waited in vain: {what}")


class Flavour:
    """One module of the client: where its classes are and how its methods are called."""

    def __init__(self, name):
        configuration = Configuration()
        configuration.experimental = True
        configuration.suppress_experimental_warnings = True
        assert configuration.access_token, "the client got no token"
        self.name = name
        self.suffix = "_v1" if name == "v1" else ""
        if name == "v1":
            from sailpoint import ApiClient, TriggersApi

            self.models = importlib.import_module("sailpoint.triggers.models")
            self.root = "sailpoint.triggers.models"
        else:
            ApiClient = importlib.import_module(f"sailpoint.{name}.api_client").ApiClient
            TriggersApi = importlib.import_module(f"sailpoint.{name}.api.triggers_api").TriggersApi
            self.root = f"sailpoint.{name}.models"
        self.exceptions = importlib.import_module(
            "sailpoint.exceptions" if name == "v1" else f"sailpoint.{name}.exceptions"
        )
        self.api = TriggersApi(ApiClient(configuration))

    def call(self, method, *arguments, variant="", **named):
        return getattr(self.api, method + self.suffix + variant)(*arguments, **named)

    def model(self, module, name, fields):
        cls = getattr(importlib.import_module(f"{self.root}.{module}"), name)
        return cls.from_dict(fields)


class TenOperations(unittest.TestCase):
    flavour = None

    def setUp(self):
        self.subscription = None

    def tearDown(self):
        if self.subscription:
            self.flavour.call("delete_subscription", self.subscription)

    def post_request(self, **more):
        fields = {
            "name": "by the client",
            "triggerId": TRIGGER,
            "type": "HTTP",
            "responseDeadline": "PT1H",
            "httpConfig": {
                "url": SUBSCRIBER,
                "httpDispatchMode": "ASYNC",
                "httpAuthenticationType": "BASIC_AUTH",
                "basicAuthConfig": {"userName": "user", "password": "pass"},
            },
            "enabled": True,
        }
        fields.update(more)
        return self.flavour.model("subscription_post_request", "SubscriptionPostRequest", fields)

    def create(self, **more):
        created = self.flavour.call("create_subscription", self.post_request(**more))
        self.subscription = created.id
        return created

    def start_test(self, **more):
        fields = {"triggerId": TRIGGER, "contentJson": {"ticket": 7}, **more}
        body = self.flavour.model("test_invocation", "TestInvocation", fields)
        return self.flavour.call("start_test_trigger_invocation", body)

    def complete(self, invocation, **fields):
        body = self.flavour.model("complete_invocation", "CompleteInvocation", fields)
        return self.flavour.call(
            "complete_trigger_invocation", id=invocation.id, complete_invocation=body
        )

    def refused(self, status, call):
        with self.assertRaises(self.flavour.exceptions.ApiException) as caught:
            call()
        self.assertEqual(caught.exception.status, status)
        return json.loads(caught.exception.body)

    def test_triggers(self):
        # What its models can tell apart; most examples fit several of them or none.
        listed = self.flavour.call(
            "list_triggers", filters='id eq "idn:account-updated"', variant="_without_preload_content"
        )
        self.assertEqual([row["id"] for row in json.loads(listed.data)], ["idn:account-updated"])
        readable = {"v1": "idn:account-uncorrelated"}.get(
            self.flavour.name, "idn:account-attributes-changed"
        )
        (trigger,) = self.flavour.call("list_triggers", filters=f'id eq "{readable}"')
        self.assertEqual((trigger.id, trigger.type.value), (readable, "FIRE_AND_FORGET"))
        self.assertIsInstance(json.loads(trigger.input_schema), dict)

        first, second = (
            self.flavour.call(
                "list_triggers",
                limit=2,
                offset=offset,
                count=True,
                sorters="-id",
                variant="_without_preload_content",
            )
            for offset in (0, 2)
        )
        total = int(first.headers["X-Total-Count"])
        ids = [row["id"] for page in (first, second) for row in json.loads(page.data)]
        self.assertEqual(ids, sorted(ids, reverse=True))
        self.assertEqual(len(ids), 4)
        self.assertGreater(total, 40)

    def test_subscriptions(self):
        created = self.create(description="d", filter=FILTER)
        self.assertEqual(created.trigger_name, "Test Request Response")
        self.assertEqual(created.type.value, "HTTP")
        self.assertEqual(created.http_config.http_dispatch_mode, "ASYNC")
        self.assertIsNone(created.http_config.basic_auth_config.password)
        (listed,) = self.flavour.call("list_subscriptions", filters=f'id eq "{created.id}"')
        self.assertEqual(listed, created)

        put = self.flavour.model(
            "subscription_put_request",
            "SubscriptionPutRequest",
            {
                "name": "replaced",
                "type": "HTTP",
                "responseDeadline": "PT2H",
                "httpConfig": {"url": SUBSCRIBER, "httpDispatchMode": "SYNC"},
                "enabled": False,
            },
        )
        replaced = self.flavour.call(
            "update_subscription", id=created.id, subscription_put_request=put
        )
        self.assertEqual(replaced.name, "replaced")
        self.assertEqual((replaced.enabled, replaced.filter), (False, None))
        self.assertEqual(replaced.response_deadline, "PT2H")

        # The client's own model refuses a boolean as a value.
        operations = [
            ("replace", "/name", "patched"),
            ("replace", "/enabled", "true"),
            ("add", "/filter", FILTER),
            ("replace", "/httpConfig", {"url": SUBSCRIBER, "httpDispatchMode": "DYNAMIC"}),
            ("remove", "/responseDeadline", None),
        ]
        body = [
            self.flavour.model(
                "subscription_patch_request_inner",
                "SubscriptionPatchRequestInner",
                {"op": op, "path": path} | ({} if value is None else {"value": value}),
            )
            for op, path, value in operations
        ]
        patched = self.flavour.call(
            "patch_subscription", id=created.id, subscription_patch_request_inner=body
        )
        self.assertEqual((patched.name, patched.filter, patched.enabled), ("patched", FILTER, True))
        self.assertEqual(patched.response_deadline, "PT1H")
        self.assertEqual(patched.http_config.http_dispatch_mode, "DYNAMIC")

        self.flavour.call("delete_subscription", created.id)
        self.subscription = None
        self.assertEqual(self.flavour.call("list_subscriptions", limit=1), [])
        body = self.refused(404, lambda: self.flavour.call("delete_subscription", created.id))
        self.assertEqual(body["detailCode"], "404 Not found")

    def test_filters(self):
        def verdict(expression):
            body = self.flavour.model(
                "validate_filter_input_dto",
                "ValidateFilterInputDto",
                {"input": {"identityId": "7"}, "filter": expression},
            )
            found = self.flavour.call("test_subscription_filter", body)
            return found.is_valid, found.is_valid_json_path, found.is_path_exist

        self.assertEqual(verdict(FILTER), (True, True, True))
        self.assertEqual(verdict(FILTER.replace("7", "8"))[:2], (False, True))
        self.assertEqual(verdict("$[?(")[:2], (False, False))

    def test_invocations(self):
        created = self.create()
        (started,) = self.start_test(input={"identityId": "7"}, subscriptionIds=[created.id])
        self.assertEqual(started.trigger_id, TRIGGER)
        self.assertEqual(started.content_json, {"ticket": 7})

        def status():
            rows = self.flavour.call(
                "list_trigger_invocation_status", filters=f'subscriptionId eq "{created.id}"'
            )
            return next((row for row in rows if row.id == started.id), None)

        open_row = eventually("the invocation is listed", status)
        self.assertEqual((open_row.completed, open_row.type.value), (None, "TEST"))
        self.assertEqual(open_row.subscription_name, "by the client")
        self.assertEqual(open_row.start_invocation_input.input, {"identityId": "7"})
        wrong = lambda: self.complete(started, secret="wrong", output={"approved": True})
        self.assertEqual(self.refused(403, wrong)["detailCode"], "403 Forbidden")
        self.complete(started, secret=started.secret, output={"approved": True})
        closed = eventually("the invocation is closed", lambda: (row := status()) and row.completed and row)
        self.assertGreaterEqual(closed.completed, closed.created)
        self.assertEqual(closed.complete_invocation_input.output, {"approved": True})
        self.assertIsNone(closed.complete_invocation_input.localized_error)

        (failing,) = self.start_test()
        self.complete(failing, secret=failing.secret, output={}, error="no")
        rows = self.flavour.call("list_trigger_invocation_status", sorters="-created", limit=1)
        self.assertEqual(rows[0].id, failing.id)
        self.assertEqual(rows[0].complete_invocation_input.localized_error.message, "no")

    def test_refusals(self):
        self.create()
        second = lambda: self.flavour.call("create_subscription", self.post_request())
        body = self.refused(400, second)
        self.assertEqual(body["detailCode"], "400.1 Bad Request Content")
        self.assertEqual(len(body["trackingId"]), 32)
        self.assertTrue(body["messages"][0]["text"])
        self.refused(400, lambda: self.flavour.call("list_subscriptions", filters="nope eq 1"))
        unfit = lambda: self.start_test(input={"identityId": 7})
        self.refused(400, unfit)

    def test_nobody_is_subscribed(self):
        self.assertIsNone(self.start_test())


def suite(names):
    cases = unittest.TestSuite()
    for name in names:
        case = type(f"{name}_TenOperations", (TenOperations,), {"flavour": Flavour(name)})
        cases.addTests(unittest.defaultTestLoader.loadTestsFromTestCase(case))
    return cases


if __name__ == "__main__":
    outcome = unittest.TextTestRunner(verbosity=2).run(suite(sys.argv[1:]))
    sys.exit(0 if outcome.wasSuccessful() and outcome.testsRun else 1)
