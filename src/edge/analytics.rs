//! Data points for Workers Analytics Engine.
//!
//! Invariant: a point costs no row and delays nobody: the platform takes it without an answer, and it is written while the
//! caller already has its own. Where the policy does not ask for points, or the binding is missing, nothing happens.
//!
//! Not here: what a point says (`desk::points`).

use worker::{AnalyticsEngineDataPointBuilder, Env};

use super::meanwhile;
use super::object::Inner;
use crate::conversation::{Context, Output};
use crate::desk::points;

/// The binding, which `wrangler.toml` may have.
const ANALYTICS: &str = "ANALYTICS";

/// Whether there is somewhere to write points to.
pub(super) fn has_dataset(env: &Env) -> bool {
    env.analytics_engine(ANALYTICS).is_ok()
}

impl Inner {
    /// Writes the points of an output.
    pub(super) fn write_points(&self, output: &Output, context: Context<'_>) {
        let Some(line) = self.name.line_of_conversation().filter(|_| context.policy.analytics) else { return };
        let points = points::of(output, context.now);
        if points.is_empty() {
            return;
        }
        let Ok(dataset) = self.env.analytics_engine(ANALYTICS) else { return };
        meanwhile(async move {
            for point in points {
                // 49 days are as good as more.
                let took = u32::try_from(point.took.as_millis()).unwrap_or(u32::MAX);
                let point = AnalyticsEngineDataPointBuilder::new()
                    .indexes([line.as_str()].as_slice())
                    .add_blob(point.event)
                    .add_blob(point.detail.as_str())
                    .add_double(f64::from(took))
                    .build();
                // A point that is lost is one of many.
                let _ = dataset.write_data_point(&point);
            }
        });
    }
}
