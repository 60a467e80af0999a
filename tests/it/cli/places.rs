//! Where credentials are read and where they go, as the command line, the environment and the configuration say it.

use std::fs;

use serde_json::json;

use super::home::{Home, pets, service, url};
use super::opcall_reading;
use crate::support::{Reply, Server};

#[test]
fn a_file_with_a_secret_stays_the_one_that_was_named() {
    let ((server, _), home) = (service(), Home::new());
    let at = |name: &str| home.folder.path().join(name);
    fs::create_dir(at("other")).unwrap();
    for (file, secret) in [("tok.txt", "right"), ("other/tok.txt", "wrong"), ("doc.txt", "doc s3cret")] {
        fs::write(at(file), secret).unwrap();
    }
    fs::write(at("other/doc.txt"), "wrong").unwrap();
    let private = format!("{}/private.json", server.url());
    let fetched = ["--spec-header", "X-Doc-Key: file:doc.txt"];
    home.run(
        &[&["api", "add", "pets", &private, "--auth", "api-key:X-Key=file:tok.txt"], &fetched[..]].concat(),
    )
    .ok();
    home.run(&["api", "add", "home", &url(&server), "--auth", "basic:file:~/tok.txt=file:~/tok.txt"]).ok();
    let elsewhere = |arguments: &[&str]| {
        let run = home.command(arguments).current_dir(at("other")).output().unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    };
    elsewhere(&["pets:listPets"]);
    elsewhere(&["home:listPets"]);
    elsewhere(&["api", "update", "pets"]);
    let calls: Vec<_> = server.received().into_iter().filter(|one| one.target == "/v1/pets").collect();
    assert_eq!(calls[0].header("x-key"), Some("right"));
    assert_eq!(calls[1].header("authorization"), Some("Basic cmlnaHQ6cmlnaHQ="));
    let text = home.text();
    for kept in ["tok.txt", "doc.txt"] {
        assert!(text.contains(&format!("\"file:{}\"", at(kept).display())), "{text}");
    }
}

#[test]
fn a_relative_file_with_a_secret_is_beside_the_configuration() {
    let ((server, _), home) = (service(), Home::new());
    let spec = format!("spec = \"pets.json\"\nserver = \"{}/v1\"\n", server.url());
    home.configure(&format!(
        "[apis.pets]\n{spec}auth = {{ type = \"api-key\", in = \"header\", name = \"X-Key\", value = \"file:tok\" }}\n\
         [apis.tilde]\n{spec}auth = {{ type = \"basic\", username = \"file:tok\", password = \"file:~/tok\" }}\n"
    ));
    fs::write(home.config().with_file_name("pets.json"), pets("https://p.example", 1)).unwrap();
    fs::write(home.config().with_file_name("tok"), "beside").unwrap();
    fs::write(home.folder.path().join("tok"), "home").unwrap();
    home.run(&["pets:listPets"]).ok();
    home.run(&["tilde:listPets"]).ok();
    assert_eq!(server.received()[0].header("x-key"), Some("beside"));
    assert_eq!(server.received()[1].header("authorization"), Some("Basic YmVzaWRlOmhvbWU="));
    let written = home.text();
    home.run(&["api", "remove", "tilde"]).ok();
    assert!(written.starts_with(&home.text()), "what a person wrote stays as it is: {}", home.text());
    let shown = home.run(&["api", "show", "pets", "-o", "json"]).json();
    let place = format!("file:{}", home.config().with_file_name("tok").display());
    assert_eq!(shown["auth"]["value"], place);
}

#[test]
fn secrets_given_by_hand_do_not_go_unencrypted_to_another_machine() {
    let home = Home::new();
    let keyed = pets("https://p.example", 1).replace(
        "\"paths\"",
        r#""components": {"securitySchemes": {"k": {"type": "apiKey", "in": "header", "name": "X-Key"},
            "q": {"type": "apiKey", "in": "query", "name": "key"}}},
        "security": [{"k": []}, {"q": []}, {}], "paths""#,
    );
    fs::write(home.folder.path().join("pets.json"), keyed).unwrap();
    let send = |server: &str, further: &[&str]| {
        let line =
            ["--spec", "pets.json", "listPets", "--server", server, "--retry", "0", "--connect-timeout"];
        home.run(&[&line[..], &["300ms"], further].concat())
    };
    // An address of documentation (RFC 5737): nobody answers there.
    let away = "http://192.0.2.2:7801/v1";
    for (further, what) in [
        (&["x-key:canary"][..], "the header x-key"),
        (&["key==canary"], "the query parameter key"),
        (&["x-key:canary", "key==canary"], "the header x-key, the query parameter key"),
        (&["authorization:Bearer canary"], "the header authorization"),
        (&["--header", "Authorization: Bearer canary"], "the header authorization"),
        (&["cookie:sid=canary"], "the header cookie"),
        (&["proxy-authorization:Basic canary"], "the header proxy-authorization"),
    ] {
        let run = send(away, further);
        assert_eq!(run.code, 10, "{further:?}: {}", run.stderr);
        assert_eq!(
            run.stderr,
            format!(
                "error: credentials would go unencrypted to http://192.0.2.2:7801: {what}\n  hint: use https, or \
                 give --insecure-http if the network between is yours.\n"
            )
        );
        let let_go = send(away, &[further, &["--insecure-http"]].concat());
        assert!([7, 28].contains(&let_go.code), "{further:?}: {}", let_go.stderr);
    }
    assert!([7, 28].contains(&send(away, &["x-note:plain"]).code), "what is no secret may go");
    let here = Server::start(|_, _| Reply::json(200, "{}"));
    send(&here.url(), &["x-key:canary"]).ok();
}

/// Two remembered services: `pets`, and `zoo`, whose secret nobody can read.
fn with_unreadable_secret(auth: &str) -> (Server, Home) {
    let (server, _) = service();
    let home = Home::new().with("PETS_KEY", "canary-key").with("ZOO_KEY_2", "canary-zoo");
    fs::write(home.folder.path().join("zoo.json"), pets(&format!("{}/v1", server.url()), 2)).unwrap();
    home.run(&["api", "add", "pets", &url(&server), "--auth", "bearer=env:PETS_KEY"]).ok();
    home.run(&["api", "add", "zoo", "zoo.json", "--auth", auth]).ok();
    (server, home)
}

#[test]
fn a_secret_that_cannot_be_read_is_in_the_way_of_its_own_service_alone() {
    for (auth, code, told) in [
        ("bearer=file:/no/such/file", 1, "reading \"/no/such/file\" failed"),
        ("basic:env:NO_USER=env:ZOO_KEY_2", 2, "the name to sign in by stands in NO_USER, which is not set"),
    ] {
        let (server, home) = with_unreadable_secret(auth);
        assert_eq!(home.run(&["oldOnes"]).ok(), r#"{"ok":true}"#);
        assert_eq!(home.run(&["pets:oldOnes"]).ok(), r#"{"ok":true}"#);
        let run = home.run(&["newOnes"]);
        assert_eq!((run.code, run.stdout.as_str()), (code, ""), "{}", run.stderr);
        assert!(run.stderr.starts_with(&format!("error: {told}")), "{}", run.stderr);
        assert_eq!(home.run(&["zoo:newOnes"]).code, code);
        assert_eq!(server.count("/v1/new"), 0, "nothing goes out without what it is to carry");

        fs::write(
            home.folder.path().join("calls"),
            "{\"operation\":\"oldOnes\"}\n{\"operation\":\"newOnes\"}\n",
        )
        .unwrap();
        let run = home.run(&["batch", "calls"]);
        let lines: Vec<serde_json::Value> =
            run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!((run.code, &lines[0]["status"]), (code, &json!(200)));
        assert!(lines[1]["error"]["message"].as_str().unwrap().starts_with(told), "{}", lines[1]);
        assert_eq!(lines[1]["operation"], "zoo:newOnes");
        assert_eq!(server.count("/v1/new"), 0);

        let status = home.run(&["auth", "status"]);
        assert!(status.stdout.contains(told), "{}", status.stdout);
        assert_eq!(status.code, code, "{}", status.stderr);
        assert_eq!(home.run(&["auth", "status", "pets"]).code, 0);
        let status = home.run(&["auth", "status", "zoo"]);
        assert_eq!((status.code, status.stdout.as_str()), (code, ""));
    }
}

/// A service with client credentials, remembered with its server.
fn with_client(home: Home, server: &Server) -> Home {
    let document = json!({
        "openapi": "3.0.3", "info": {"title": "mb", "version": "1"},
        "servers": [{"url": format!("{}/{{stage}}", server.url()), "variables": {"stage": {"default": "v0"}}},
            {"url": "https://mb.example"}],
        "security": [{"o": []}],
        "components": {"securitySchemes": {"o": {"type": "oauth2", "x-oauth2": {"member": "member_cid"},
            "flows": {"clientCredentials": {"tokenUrl": "token", "scopes": {}}}}}},
        "paths": {"/a": {"get": {"operationId": "getA", "responses": {}}}},
    });
    fs::write(home.folder.path().join("mb.json"), document.to_string()).unwrap();
    let remembered = format!("{}/remembered", server.url());
    let line = ["api", "add", "mb", "mb.json", "--auth", "oauth2:id=env:SECRET", "--server", &remembered];
    home.run(&line).ok();
    home
}

#[test]
fn what_the_environment_says_counts_before_what_is_remembered() {
    let server = Server::start(|request, _| match request.target.rsplit('/').next() {
        Some("token") => Reply::token("t", 1800),
        _ => Reply::json(200, "{}"),
    });
    for (variables, path) in [
        (&[][..], "/remembered/a"),
        (&[("MB_SERVER", format!("{}/env", server.url()))], "/env/a"),
        (&[("MB_SERVER", "0".to_owned())], "/v0/a"),
        (&[("MB_SERVER", "0".to_owned()), ("MB_SERVER_VARIABLES", "stage=v7".to_owned())], "/v7/a"),
        (&[("MB_SERVER_VARIABLES", "stage=v7".to_owned())], "/v7/a"),
        (&[("MB_BASE_URL", format!("{}/base", server.url()))], "/base/a"),
    ] {
        let home = Home::new().with("SECRET", "canary-secret");
        let home =
            variables.iter().fold(with_client(home, &server), |home, (name, value)| home.with(name, value));
        home.run(&["mb:getA"]).ok();
        let last = server.received().pop().unwrap();
        assert_eq!(last.target, path, "{variables:?}");
    }
    let home = Home::new().with("SECRET", "canary-secret").with("MB_MEMBER", "child");
    with_client(home, &server).run(&["mb:getA"]).ok();
    let asked: Vec<_> = server
        .received()
        .into_iter()
        .filter(|one| one.target.ends_with("token"))
        .map(|one| one.text())
        .collect();
    assert!(asked.last().unwrap().contains("member_cid=child"), "{asked:?}");
    assert!(!asked[0].contains("member_cid"), "{asked:?}");
}

#[test]
fn arguments_may_have_the_names_of_other_commands_options() {
    let home = Home::new();
    fs::write(home.folder.path().join("pets.json"), pets("https://p.example", 1)).unwrap();
    let named =
        ["--page", "2", "--state", "open", "--rate", "a", "--port", "1", "--explain", "x", "--seed=3"];
    let line = ["--spec", "pets.json", "listPets", "--allow-unknown", "--dry-run"];
    let run = home.run(&[&line[..], &named].concat());
    let url = run.json()["url"].as_str().unwrap().to_owned();
    assert!(url.ends_with("/pets?page=2&state=open&rate=a&port=1&explain=x&seed=3"), "{url}");
}

#[test]
fn a_profile_that_nobody_made_is_told_in_the_words_of_the_command_line() {
    let home = Home::new().with("PANTHER_API_TOKEN", "canary-key");
    let hint = "hint: no profile can be made here yet: set the service's variables for the run, or remember the \
                service under another name with `opcall api add`.";
    for (run, option) in [
        (home.run(&["api_token#get", "id=a", "--profile", "prod"]), "--profile"),
        (home.run(&["auth", "status", "panther", "--profile", "prod"]), "--profile"),
    ] {
        assert_eq!(run.code, 2, "{option}");
        assert!(run.stderr.contains(hint), "{}", run.stderr);
    }
    let run = opcall_reading(r#"{"operation":"tokens_query","profile":"prod"}"#, &["batch", "--dry-run"]);
    assert!(run.stdout.contains("no profile can be made here yet"), "{}", run.stdout);
    for help in [&["call", "--help"][..], &["batch", "--help"], &["auth", "status", "--help"]] {
        assert!(!home.run(help).ok().contains("--profile"), "{help:?}");
    }
}
