//! A program that carries the tables of two APIs and shows what it would send; nothing is read when it starts.

use opcall::{Harness, include_table};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut table = include_table!("pets");
    table.add(include_table!("library"));
    for operation in table.iter() {
        println!("{} {} {}", operation.qualified_id(), operation.method(), operation.path());
    }
    let harness = Harness::builder().table(table).build()?;
    println!("{}", harness.command("list_pets", [("kind", "cat")]).prepare()?);
    println!("{}", harness.command("getBook", [("id", 7)]).prepare()?);
    println!("{}", harness.command("library:loans_query", [("reader", "Ann")]).prepare()?);
    let refused = harness.command("listPets", [("kind", "fish")]).prepare();
    println!("{}", refused.err().ok_or("a fish is no kind")?);
    Ok(())
}
