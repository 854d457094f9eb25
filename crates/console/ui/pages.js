// All pages, in the order of the navigation. One without a title is not in it.

import { deadLettersPage } from "./pages/dead_letters.js";
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
  { name: "triggers", title: "Triggers", show: resource(triggersPage, triggerPage) },
  { name: "subscriptions", title: "Subscriptions", show: resource(subscriptionsPage, subscriptionPage, subscriptionFormPage) },
  { name: "dead-letters", title: "Dead letters", show: deadLettersPage },
  { name: "workers", title: "Workers", show: workersPage },
];
