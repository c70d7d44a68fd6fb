/**
 * States in which a deployment runs no functions (`fail_while_not_running`, crates/udf/src/validation.rs). System
 * functions answer all the same.
 */
const REASONS = {
  disabled_free:
    "You have exceeded the free plan limits, so your deployments have been disabled. Please upgrade to a Pro plan or reach out to us at support@convex.dev for help.",
  disabled_paid:
    "You have exceeded your spending limits, so your deployments have been disabled. Please increase your spending limit on the Convex dashboard or wait until limits reset.",
  usage_limit:
    "This deployment has been disabled because it exceeded a configured usage limit. Update or disable the usage limit in the Convex dashboard in deployment settings to resume function execution.",
  suspended:
    "Cannot run functions while this deployment is suspended. Please contact Convex if you believe this is a mistake.",
  paused:
    "Cannot run functions while this deployment is paused. Resume the deployment in the dashboard settings to allow functions to run.",
};

export class DeploymentState {
  #name = "running";

  /** @param {string} name "running" or one of the above */
  set(name) {
    if (name !== "running" && !Object.hasOwn(REASONS, name)) {
      throw new Error(
        `unknown state ${JSON.stringify(name)}; there are running, ${Object.keys(REASONS).join(", ")}`,
      );
    }
    this.#name = name;
  }

  /** Why no function runs; undefined when all do. @returns {string | undefined} */
  get whyStopped() {
    return REASONS[this.#name];
  }
}
