//! Whom servers' certificates are held against: the roots that the user names, and the platform's.
//!
//! Where the platform keeps its roots in files they stand twice, in one file and in a folder with a file for each. Both
//! count, but nobody needs to read the folder for a chain that ends at a root of the file, or the file for one that ends
//! at a root the user named. So they are tried one after the other, and read when it is their turn. A chain ends at one
//! root, which is in one of them: together they accept what one store of them all would accept.

use std::sync::Arc;

use rustls::Error as TlsError;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;

/// What tells whether a server is whom it says it is, with roots of the user's beside the platform's.
///
/// # Errors
/// Where a root cannot be used, or there is none at all.
pub(super) fn verifier(
    own: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, TlsError> {
    platform::verifier(own, provider)
}

#[cfg(not(all(unix, not(target_os = "android"), not(target_vendor = "apple"))))]
mod platform {
    use super::{Arc, CertificateDer, CryptoProvider, ServerCertVerifier, TlsError};
    use rustls_platform_verifier::Verifier;

    pub(super) fn verifier(
        own: Vec<CertificateDer<'static>>,
        provider: Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ServerCertVerifier>, TlsError> {
        Ok(Arc::new(Verifier::new_with_extra_roots(own, provider)?))
    }
}

#[cfg(all(unix, not(target_os = "android"), not(target_vendor = "apple")))]
mod platform {
    use std::env;
    use std::path::PathBuf;

    use once_cell::sync::OnceCell;
    use rustls::client::WebPkiServerVerifier;
    use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified};
    use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
    use rustls::pki_types::{ServerName, UnixTime};
    use rustls::{CertificateError, DigitallySignedStruct, RootCertStore, SignatureScheme};
    use rustls_native_certs::load_certs_from_paths;

    use super::{Arc, CertificateDer, CryptoProvider, ServerCertVerifier, TlsError};

    /// All roots, in the order in which they are tried.
    #[derive(Debug)]
    struct Roots {
        own: Option<Arc<WebPkiServerVerifier>>,
        platform: Vec<Place>,
        provider: Arc<CryptoProvider>,
    }

    /// A file or folders of roots; nothing stands for one without any.
    #[derive(Debug)]
    struct Place {
        file: Option<PathBuf>,
        folders: Vec<PathBuf>,
        read: OnceCell<Option<Arc<WebPkiServerVerifier>>>,
    }

    pub(super) fn verifier(
        own: Vec<CertificateDer<'static>>,
        provider: Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ServerCertVerifier>, TlsError> {
        let mut store = RootCertStore::empty();
        own.into_iter().try_for_each(|root| store.add(root))?;
        let roots = Roots { own: trusting(store, &provider), platform: places(), provider };
        if roots.verifiers().next().is_none() {
            return Err(TlsError::General("No CA certificates were loaded from the system".to_owned()));
        }
        Ok(Arc::new(roots))
    }

    /// Where the platform's roots are. What the environment names stands in place of where they are by custom.
    fn places() -> Vec<Place> {
        let mut file = env::var_os("SSL_CERT_FILE").map(PathBuf::from);
        let named = env::var_os("SSL_CERT_DIR");
        let mut folders: Vec<_> = named.iter().flat_map(env::split_paths).collect();
        if file.is_none() && folders.is_empty() {
            let known = openssl_probe::probe();
            (file, folders) = (known.cert_file, known.cert_dir);
        }
        let place = |file, folders| Place { file, folders, read: OnceCell::new() };
        vec![place(file, Vec::new()), place(None, folders)]
    }

    /// Accepts the chains that end at the roots of a store, if it has any.
    fn trusting(store: RootCertStore, provider: &Arc<CryptoProvider>) -> Option<Arc<WebPkiServerVerifier>> {
        // It is an empty store alone that makes no verifier.
        WebPkiServerVerifier::builder_with_provider(store.into(), Arc::clone(provider)).build().ok()
    }

    impl Place {
        fn verifier(&self, provider: &Arc<CryptoProvider>) -> Option<Arc<WebPkiServerVerifier>> {
            self.read.get_or_init(|| trusting(self.store(), provider)).clone()
        }

        /// The roots of a place; what is none, or cannot be read, is passed over.
        fn store(&self) -> RootCertStore {
            let mut store = RootCertStore::empty();
            let places = self.file.iter().map(|file| (Some(&**file), None));
            for (file, folder) in places.chain(self.folders.iter().map(|folder| (None, Some(&**folder)))) {
                let found = load_certs_from_paths(file, folder);
                let (roots, ignored) = store.add_parsable_certificates(found.certs);
                for error in found.errors {
                    tracing::debug!(%error, "root certificates cannot be read");
                }
                tracing::debug!(?file, ?folder, roots, ignored, "read root certificates");
            }
            store
        }
    }

    impl Roots {
        fn verifiers(&self) -> impl Iterator<Item = Arc<WebPkiServerVerifier>> {
            let platform = self.platform.iter().filter_map(|place| place.verifier(&self.provider));
            self.own.iter().cloned().chain(platform)
        }
    }

    impl ServerCertVerifier for Roots {
        /// Of several failures the first counts that knows the issuer.
        fn verify_server_cert(
            &self,
            end_entity: &CertificateDer<'_>,
            intermediates: &[CertificateDer<'_>],
            server_name: &ServerName<'_>,
            ocsp_response: &[u8],
            now: UnixTime,
        ) -> Result<ServerCertVerified, TlsError> {
            let unknown = TlsError::InvalidCertificate(CertificateError::UnknownIssuer);
            let mut failed = unknown.clone();
            for verifier in self.verifiers() {
                match verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
                {
                    Ok(verified) => return Ok(verified),
                    Err(error) if failed == unknown => failed = error,
                    Err(_) => {}
                }
            }
            Err(failed)
        }

        fn verify_tls12_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signed: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, TlsError> {
            let known = &self.provider.signature_verification_algorithms;
            verify_tls12_signature(message, certificate, signed, known)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signed: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, TlsError> {
            let known = &self.provider.signature_verification_algorithms;
            verify_tls13_signature(message, certificate, signed, known)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.provider.signature_verification_algorithms.supported_schemes()
        }
    }
}
