// All pages, in the order of the navigation. One without a title is not in it.

import { activityPage } from "./pages/activity.js";
import { callbackFormPage } from "./pages/callback_form.js";
import { callbackPage } from "./pages/callback.js";
import { callbacksPage } from "./pages/callbacks.js";
import { deadLettersPage } from "./pages/dead_letters.js";
import { invocationPage } from "./pages/invocation.js";
import { objectTypeFormPage, objectTypesPage } from "./pages/object_types.js";
import { overviewPage } from "./pages/overview.js";
import { subscriptionPage } from "./pages/subscription.js";
import { subscriptionFormPage } from "./pages/subscription_form.js";
import { subscriptionsPage } from "./pages/subscriptions.js";
import { triggerPage, triggersPage } from "./pages/triggers.js";
import { workersPage } from "./pages/workers.js";

/** Shows the list, one of it, or the form for one, by what the address says. */
function resource(list, one, form) {
  return (context) => {
    const [id, what] = context.parts;
    if (!id) return list(context);
    if (form && (id === "new" || what === "edit")) return form(context);
    return one(context);
  };
}

export const pages = [
  { name: "overview", title: "Overview", show: overviewPage },
  { name: "triggers", title: "Triggers", show: resource(triggersPage, triggerPage) },
  { name: "subscriptions", title: "Subscriptions", show: resource(subscriptionsPage, subscriptionPage, subscriptionFormPage) },
  { name: "activity", title: "Activity log", show: resource(activityPage, invocationPage) },
  { name: "callbacks", title: "Callbacks", show: resource(callbacksPage, callbackPage, callbackFormPage) },
  { name: "object-types", under: "callbacks", show: resource(objectTypesPage, objectTypeFormPage) },
  { name: "dead-letters", title: "Dead letters", show: deadLettersPage },
  { name: "workers", title: "Workers", show: workersPage },
];
