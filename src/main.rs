//! The `scalemodel` command: parses the command line, starts logging, hands over, and picks the
//! exit code.

use std::io::{self, Write as _};
use std::process::ExitCode;

use scalemodel::cli::Cli;

fn main() -> ExitCode {
    let cli = Cli::read();
    cli.start_logging();
    match cli.run() {
        Ok(answer) => answer.into(),
        Err(error) => {
            // Standard error may be closed too; the exit code still tells.
            let _ = writeln!(io::stderr(), "scalemodel: error: {error:#}");
            ExitCode::from(2)
        }
    }
}
