//! Runs a simulator until Enter is pressed, and prints its description.

use std::sync::Arc;

use lanyard_simulator::{Options, Simulator};
use lanyard_time::{SystemClock, SystemEntropy};

#[tokio::main]
#[expect(clippy::print_stdout, reason = "printing the description is what it is for")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let simulator = Simulator::start(Options::default(), Arc::new(SystemClock::new()), Arc::new(SystemEntropy)).await?;
    println!("{}", serde_json::to_string(simulator.description())?);
    tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new())).await??;
    simulator.stop().await;
    Ok(())
}
