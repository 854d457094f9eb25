use serde_json::json;
use triggerfish_core::{Trigger, TriggerType};

use super::{field, own_trigger};
use crate::trigger::{CompiledTrigger, TriggerSource, is_trigger_id};

fn refused(change: impl FnOnce(&mut Trigger)) -> String {
    let mut trigger = own_trigger();
    change(&mut trigger);
    let error = CompiledTrigger::compile(trigger, TriggerSource::Own).unwrap_err();
    field(&error).to_owned()
}

#[test]
fn a_trigger_judges_events_and_answers() {
    let trigger = Trigger {
        trigger_type: TriggerType::RequestResponse,
        output_schema: Some(r#"{"type":"boolean"}"#.to_owned()),
        example_output: Some("true".to_owned()),
        ..own_trigger()
    };
    let trigger = CompiledTrigger::compile(trigger, TriggerSource::Own).unwrap();
    assert_eq!(trigger.example_input, json!({"order": 1}));
    trigger.check_input(&json!({"order": 2})).unwrap();
    assert!(trigger.check_input(&json!({})).is_err());
    trigger.check_output(&json!(false)).unwrap();
    assert!(trigger.check_output(&json!(0)).is_err());
    let silent = CompiledTrigger::compile(own_trigger(), TriggerSource::Own).unwrap();
    silent.check_output(&json!({"any": "thing"})).unwrap();
}

#[test]
fn what_is_wrong_is_named_by_field() {
    type Case = (&'static str, fn(&mut Trigger));
    let cases: [Case; 10] = [
        ("id", |t| t.id = String::new()),
        ("id", |t| t.id = "a b".to_owned()),
        ("name", |t| t.name = " ".to_owned()),
        ("inputSchema", |t| t.input_schema = "{".to_owned()),
        ("inputSchema", |t| {
            t.input_schema = r#"{"$ref":"http://x.example/y"}"#.to_owned();
        }),
        ("exampleInput", |t| t.example_input = "{}".to_owned()),
        ("exampleInput", |t| t.example_input = "{".to_owned()),
        ("outputSchema", |t| t.output_schema = Some("{}".to_owned())),
        ("outputSchema", |t| t.example_output = Some("{}".to_owned())),
        ("exampleOutput", |t| {
            t.trigger_type = TriggerType::RequestResponse;
            t.output_schema = Some(r#"{"type":"string"}"#.to_owned());
            t.example_output = Some("1".to_owned());
        }),
    ];
    for (expected, change) in cases {
        assert_eq!(refused(change), expected);
    }
}

#[test]
fn ids_are_plain() {
    for id in ["a", "acme:order-cancelled", "A.b_c-1", &"x".repeat(200)] {
        assert!(is_trigger_id(id), "{id}");
    }
    for id in ["", "a/b", "ä", "a b", "a\n", &"x".repeat(201)] {
        assert!(!is_trigger_id(id), "{id}");
    }
}
