//! Manual pages, generated from the description of the command line.

use lanyard_testkit::Home;

use crate::LANYARD;

#[test]
fn every_command_has_a_page() {
    let home = Home::new(LANYARD);
    let main = home.run(["man"]).ok();
    assert!(main.contains(".TH LANYARD 1"), "{main}");
    let directory = home.beside().join("a/man1");
    let mut command = home.command(["man", "--dir"]);
    lanyard_testkit::Running::start(command.arg(&directory)).end().ok();
    let mut pages: Vec<_> = std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    pages.sort();
    for page in ["lanyard.1", "lanyard-app.1", "lanyard-app-add.1", "lanyard-import.1", "lanyard-add-service-app.1"] {
        assert!(pages.iter().any(|found| found == page), "{page} in {pages:?}");
    }
    assert!(!pages.iter().any(|page| page.to_string_lossy().contains("help")), "{pages:?}");
    let page = std::fs::read_to_string(directory.join("lanyard-app-add.1")).unwrap();
    assert!(page.contains("redirect\\-uri") && page.contains("\\-\\-home"), "{page}");
    for heading in ["SYNOPSIS", "EXAMPLES", "EXIT STATUS", "ENVIRONMENT", "FILES", "SEE ALSO"] {
        assert!(page.contains(&format!(".SH {heading}\n")), "{heading}: {page}");
    }
    let exec = std::fs::read_to_string(directory.join("lanyard-exec.1")).unwrap();
    assert!(exec.contains("\nlanyard exec [OPTIONS] [NAME] \\-\\- <COMMAND>...\n"), "{exec}");
    assert!(!main.contains("lanyard\\-help"), "{main}");
    let unwritable = home.file("file", "");
    let mut command = home.command(["man", "--dir"]);
    lanyard_testkit::Running::start(command.arg(unwritable)).end().fails(1);
}
