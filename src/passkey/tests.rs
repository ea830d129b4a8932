use proptest::prelude::*;

use super::*;

const ORIGIN: &str = "https://app.example.com:8443";
const CHALLENGE: &str = "bm9ib2R5IGtub3dzIHRoaXM";

fn site() -> Site {
    Site { origin: ORIGIN.to_owned(), id: "app.example.com".to_owned() }
}

#[test]
fn keys_of_each_algorithm_are_made_and_shown() {
    for algorithm in ALGORITHMS {
        let mut device = Authenticator::new(algorithm, ORIGIN);
        let made = device.make(CHALLENGE).verify(&site(), CHALLENGE).unwrap();
        assert_eq!((&made.id, &made.key, made.counter), (&device.id, &device.cose(), 0), "{algorithm}");
        device.counter = 7;
        let mut shown = device.show(CHALLENGE);
        assert_eq!(shown.verify(&site(), CHALLENGE, &made.key), Ok(7), "{algorithm}");
        let other = Authenticator::new(algorithm, ORIGIN);
        assert_eq!(shown.verify(&site(), CHALLENGE, &other.cose()), Err(Unfit::Signature));
        *shown.signature.last_mut().unwrap() ^= 1;
        assert_eq!(shown.verify(&site(), CHALLENGE, &made.key), Err(Unfit::Signature));
        shown.signature.clear();
        assert_eq!(shown.verify(&site(), CHALLENGE, &made.key), Err(Unfit::Signature));
    }
}

#[test]
fn nothing_of_another_site_purpose_moment_or_absent_person_is_believed() {
    type Change = fn(&mut Authenticator);
    let changes: [(Change, Unfit); 8] = [
        (|device| device.origin = "https://app.example.com".to_owned(), Unfit::Origin),
        (|device| device.origin = "http://app.example.com:8443".to_owned(), Unfit::Origin),
        (|device| device.origin = "https://app.example.com:8443/".to_owned(), Unfit::Origin),
        (|device| device.site = "example.com".to_owned(), Unfit::Site),
        (|device| device.flags = 0x04, Unfit::NotPresent),
        (|device| device.flags = 0x01, Unfit::NotVerified),
        (|device| device.flags = 0x15, Unfit::Form),
        (|device| device.flags = 0x85, Unfit::Form),
    ];
    for (change, why) in changes {
        let mut device = Authenticator::new(cose::ES256, ORIGIN);
        let key = device.cose();
        change(&mut device);
        assert_eq!(device.make(CHALLENGE).verify(&site(), CHALLENGE), Err(why));
        assert_eq!(device.show(CHALLENGE).verify(&site(), CHALLENGE, &key), Err(why));
    }
    let device = Authenticator::new(cose::ES256, ORIGIN);
    let key = device.cose();
    assert_eq!(device.make(CHALLENGE).verify(&site(), "another"), Err(Unfit::Challenge));
    assert_eq!(device.show(CHALLENGE).verify(&site(), "another", &key), Err(Unfit::Challenge));
    let made = Made { client_data: device.client_data("webauthn.get", CHALLENGE), ..device.make(CHALLENGE) };
    assert_eq!(made.verify(&site(), CHALLENGE), Err(Unfit::Purpose));
    let shown = Shown { client_data: device.client_data("webauthn.create", CHALLENGE), ..device.show(CHALLENGE) };
    assert_eq!(shown.verify(&site(), CHALLENGE, &key), Err(Unfit::Purpose));
    let framed = String::from_utf8(device.client_data("webauthn.get", CHALLENGE)).unwrap();
    let framed = framed.replace("\"crossOrigin\":false", "\"crossOrigin\":true");
    let shown = Shown { client_data: framed.into_bytes(), ..device.show(CHALLENGE) };
    assert_eq!(shown.verify(&site(), CHALLENGE, &key), Err(Unfit::Origin));
}

#[test]
fn what_was_changed_after_it_was_signed_is_not_believed() {
    let device = Authenticator::new(cose::ES256, ORIGIN);
    let key = device.cose();
    let mut shown = device.show(CHALLENGE);
    *shown.authenticator_data.last_mut().unwrap() = 9;
    assert_eq!(shown.verify(&site(), CHALLENGE, &key), Err(Unfit::Signature), "the counter");
    let mut shown = device.show(CHALLENGE);
    shown.client_data.insert(1, b' ');
    assert_eq!(shown.verify(&site(), CHALLENGE, &key), Err(Unfit::Signature), "the browser's words");
}

#[test]
fn only_whole_keys_of_known_algorithms_are_kept() {
    let device = Authenticator::new(cose::ES256, ORIGIN);
    let good = device.make(CHALLENGE);
    assert!(good.verify(&site(), CHALLENGE).is_ok());
    let change = |at_from_end: usize, to: u8| {
        let mut made = device.make(CHALLENGE);
        let at = made.attestation.len() - at_from_end;
        made.attestation[at] = to;
        made.verify(&site(), CHALLENGE)
    };
    let length = device.cose().len();
    assert_eq!(change(length - 2, 3), Err(Unfit::Key), "another kind of key");
    assert_eq!(change(length - 4, 0x25), Err(Unfit::Key), "another algorithm");
    assert_eq!(change(length - 6, 2), Err(Unfit::Key), "another curve");
    let (_, y) = (0, device.cose()[length - 1]);
    assert_eq!(change(1, y ^ 1), Err(Unfit::Key), "no point of the curve");
    let mut longer = device.make(CHALLENGE);
    longer.attestation.push(0);
    assert_eq!(longer.verify(&site(), CHALLENGE), Err(Unfit::Form));
    let assertion =
        Made { attestation: authenticator::attestation(&device.show(CHALLENGE).authenticator_data), ..good };
    assert_eq!(assertion.verify(&site(), CHALLENGE), Err(Unfit::Form), "no key was made");
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(one in prop::collection::vec(any::<u8>(), 0..300), at in 0..300_usize, to in any::<u8>()) {
        let read = cbor::Value::read(&one);
        drop(read.map(|(value, _)| cose::PublicKey::of(&value)));
        let device = Authenticator::new(cose::EDDSA, ORIGIN);
        let key = device.cose();
        let mut made = device.make(CHALLENGE);
        let at_made = at % made.attestation.len();
        made.attestation[at_made] = to;
        drop(made.verify(&site(), CHALLENGE));
        made.attestation.truncate(at_made);
        prop_assert!(made.verify(&site(), CHALLENGE).is_err());
        made.attestation = authenticator::attestation(&one);
        prop_assert!(made.verify(&site(), CHALLENGE).is_err());
        let mut shown = device.show(CHALLENGE);
        shown.signature.clone_from(&one);
        prop_assert!(shown.verify(&site(), CHALLENGE, &key).is_err());
        shown = device.show(CHALLENGE);
        shown.authenticator_data.clone_from(&one);
        prop_assert!(shown.verify(&site(), CHALLENGE, &one).is_err());
        prop_assert!(challenge_of(&one).is_err());
    }
}
