// SPDX-License-Identifier: BSD-3-Clause
//! The order of the layers in DESIGN, section 2: a module of the core uses lower ones only.
//!
//! Every path that starts with `crate`, `self` or `super` counts, wherever it stands: in `use`, in types and
//! expressions, and inside macro calls. Comments and documentation links do not count. Tests inside a module count:
//! what a layer's tests need, the layer needs.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};

/// The modules of kcoro-core from low to high. Modules in one row do not use each other.
const ORDER: &[&[&str]] = &[
    &["primitive", "util", "trace"],
    &["arch"],
    &["stack"],
    &["coroutine"],
    &["platform"],
    &["task"],
    &["wait"],
    &["time"],
    &["sched"],
    &["cancel", "sync", "channel"],
    &["select"],
    &["scope"],
    &["actor"],
];

/// The exceptions within a row: the first of each pair may use the second.
const SIDEWAYS: &[(&str, &str)] = &[("util", "primitive"), ("trace", "primitive")];

/// Macros, which lie in the root wherever they are written, with the module that each belongs to.
const MACROS: &[(&str, &str)] = &[
    ("__select", "select"),
    ("ambient_worker", "platform"),
    ("select_async", "select"),
    ("select_biased", "select"),
    ("select_biased_async", "select"),
];

#[test]
fn no_module_of_the_core_uses_a_higher_one() {
    let source = house().join("kcoro-core/src");
    let mut files = Vec::new();
    collect_sources(&source, &mut files);
    assert!(files.len() > 5, "the core's sources are not where this test looks: {source:?}");
    let problems: Vec<_> = files.iter().flat_map(|file| problems_in_file(&source, file)).collect();
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

fn house() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn collect_sources(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect_sources(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn problems_in_file(source: &Path, file: &Path) -> Vec<String> {
    let relative = file.strip_prefix(source).unwrap().with_extension("");
    let mut module: Vec<String> = relative.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
    if matches!(module.last().map(String::as_str), Some("mod" | "lib")) {
        module.pop();
    }
    problems_in(&module, &fs::read_to_string(file).unwrap())
}

/// What is wrong with the source of one module.
fn problems_in(module: &[String], source: &str) -> Vec<String> {
    let file = syn::parse_file(source).unwrap_or_else(|error| panic!("{}: {error}", module.join("::")));
    match module.first() {
        Some(from) => problems_in_items(module, from, &file.items),
        None => problems_in_root(&file.items),
    }
}

/// The crate's root may name and re-export every module, but what it holds inline is a module like the others.
fn problems_in_root(items: &[syn::Item]) -> Vec<String> {
    let modules = items.iter().filter_map(|item| if let syn::Item::Mod(module) = item { Some(module) } else { None });
    let inline = modules.filter_map(|module| Some((module.ident.to_string(), &module.content.as_ref()?.1)));
    inline.flat_map(|(name, items)| problems_in_items(std::slice::from_ref(&name), &name, items)).collect()
}

fn problems_in_items(module: &[String], from: &str, items: &[syn::Item]) -> Vec<String> {
    if rank(from).is_none() {
        return vec![format!("module `{from}` has no place: add it to the order in DESIGN and in this test")];
    }
    let mut edges = Edges { module: module.to_vec(), targets: BTreeSet::new() };
    items.iter().for_each(|item| edges.visit_item(item));
    edges.targets.iter().filter_map(|to| problem(&module.join("::"), from, to)).collect()
}

fn problem(place: &str, from: &str, to: &str) -> Option<String> {
    let to = MACROS.iter().find(|(name, _)| *name == to).map_or(to, |(_, module)| *module);
    let Some(to_rank) = rank(to) else {
        return Some(format!(
            "{place} uses `crate::{to}`, which is no module of the order; name the module it is from"
        ));
    };
    let allowed = from == to || Some(to_rank) < rank(from) || SIDEWAYS.contains(&(from, to));
    (!allowed).then(|| format!("{place} uses `crate::{to}`, but `{to}` is not below `{from}`"))
}

fn rank(module: &str) -> Option<usize> {
    ORDER.iter().position(|row| row.contains(&module))
}

/// Collects the first segment after the crate's root of each path that a module uses.
struct Edges {
    module: Vec<String>,
    targets: BTreeSet<String>,
}

impl Edges {
    fn add(&mut self, segments: &[String]) {
        let Some(first) = segments.first() else { return };
        let mut absolute = if first == "crate" { Vec::new() } else { self.module.clone() };
        for segment in segments {
            match segment.as_str() {
                "crate" | "self" => {}
                "super" => _ = absolute.pop(),
                name => absolute.push(name.to_owned()),
            }
        }
        let relative = matches!(first.as_str(), "crate" | "self" | "super");
        self.targets.extend(absolute.into_iter().next().filter(|_| relative && segments.len() > 1));
    }

    fn add_use(&mut self, mut before: Vec<String>, tree: &syn::UseTree) {
        match tree {
            syn::UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.add_use(before, &path.tree);
            }
            syn::UseTree::Group(group) => group.items.iter().for_each(|tree| self.add_use(before.clone(), tree)),
            syn::UseTree::Name(syn::UseName { ident, .. }) | syn::UseTree::Rename(syn::UseRename { ident, .. }) => {
                before.push(ident.to_string());
                self.add(&before);
            }
            syn::UseTree::Glob(_) => {
                before.push("*".to_owned());
                self.add(&before);
            }
        }
    }

    /// Macro calls are tokens without a grammar: take each run of `name :: name` in them.
    fn add_tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(name) => {
                    if colons != 2 {
                        self.add(&std::mem::take(&mut path));
                    }
                    path.push(name.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                other => {
                    self.add(&std::mem::take(&mut path));
                    colons = 0;
                    if let TokenTree::Group(group) = other {
                        self.add_tokens(group.stream());
                    }
                }
            }
        }
        self.add(&path);
    }
}

impl<'ast> Visit<'ast> for Edges {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.add_use(Vec::new(), &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<_> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.add(&segments);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.add_tokens(call.tokens.clone());
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.module.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.module.pop();
    }

    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}
}

/// The guard itself, on sources made up for it.
mod planted {
    use super::*;

    fn problems(module: &str, source: &str) -> Vec<String> {
        let module: Vec<_> = module.split("::").map(str::to_owned).collect();
        problems_in(&module, source)
    }

    #[test]
    fn a_use_of_a_higher_module_is_found_in_every_form() {
        for source in [
            "use crate::sched::Worker;",
            "use crate::{stack::Stack, sched::{Queue, Worker}};",
            "use super::super::sched;",
            "fn f() { crate::sched::wake(); }",
            "fn f() -> Option<crate::sched::Worker> { None }",
            "fn f() { assert!(!crate::sched::idle()); }",
            "macro_rules! m { () => { $crate::sched::wake() }; }",
            "mod tests { use super::super::super::sched::Worker; }",
            "impl crate::sched::Schedule for u8 {}",
        ] {
            assert_eq!(problems("wait::queue", source).len(), 1, "{source}");
        }
    }

    #[test]
    fn lower_modules_own_parts_comments_and_links_are_no_problem() {
        let source = "//! See [`crate::sched`].\n/// Or [`crate::sched::Worker`].\nuse crate::stack::Stack; // crate::sched::X\n\
                      use super::node; use self::list::List; use core::fmt;\nfn f() { let _ = \"crate::sched::X\"; }";
        assert_eq!(problems("wait::queue", source), Vec::<String>::new());
    }

    #[test]
    fn the_root_names_every_module_but_what_it_holds_inline_keeps_the_order() {
        assert!(problems_in(&[], "pub mod sched; pub use crate::sched::Worker; pub use wait::Queue;").is_empty());
        assert_eq!(problems_in(&[], "mod wait { use crate::sched::Worker; }").len(), 1);
    }

    #[test]
    fn a_row_is_used_sideways_only_where_it_is_listed() {
        assert_eq!(problems("channel", "use crate::sync::Mutex;").len(), 1);
        assert_eq!(problems("primitive", "use crate::util::List;").len(), 1);
        assert!(problems("util", "use crate::primitive::atomic;").is_empty());
    }

    #[test]
    fn a_module_without_a_place_is_told_to_take_one() {
        assert!(problems("network", "")[0].contains("DESIGN"));
        assert!(problems_in(&[], "mod network { }")[0].contains("DESIGN"));
        assert!(problems("wait", "use crate::Coroutine;")[0].contains("name the module"));
    }
}
