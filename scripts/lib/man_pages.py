"""Writes a page of section 3 for each public function.

    man_pages.py XML_FOLDER MAN_FOLDER

XML_FOLDER is doxygen's output. A paragraph that begins with "Returns" makes
the page's RETURN VALUE.
"""
import os
import re
import sys
import xml.etree.ElementTree as ET


def escape(text):
    """Text as roff takes it, where no line is a request."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"(?m)^([.'])", r"\\&\1", text)


def inline(node):
    """The text of a node, with code in bold."""
    parts = [escape(node.text or "")]
    for child in node:
        if child.tag == "computeroutput":
            parts.append("\\fB" + inline(child) + "\\fP")
        elif child.tag not in BLOCKS:
            parts.append(inline(child))
        parts.append(escape(child.tail or ""))
    return re.sub(r"\s+", " ", "".join(parts))


BLOCKS = ("itemizedlist", "table", "programlisting", "verbatim", "simplesect")


def paragraphs(node):
    """Each paragraph of a description; the items of a list among them."""
    found = []
    for para in node.findall("para"):
        text = inline(para).strip()
        if text:
            found.append(text)
        for item in para.iter("listitem"):
            found.append("\\(bu " + " ".join(paragraphs(item)))
        unknown = [c.tag for c in para if c.tag in BLOCKS[1:]]
        if unknown:
            sys.exit(f"man_pages.py: cannot write a {unknown[0]}: "
                     + text[:60])
    return found


def declaration(member):
    """The prototype, a parameter each line if it is long."""
    kind = "".join(member.find("type").itertext())
    kind = kind.replace("static", "").replace("inline", "").strip()
    arguments = member.find("argsstring").text
    glue = "" if kind.endswith("*") else " "
    text = kind + glue + member.find("name").text + arguments + ";"
    if len(text) > 72:
        text = re.sub(r",\s*(?![^()]*\)\()", ",\n    ", text)
    return text


def page(member, header, group, types, version):
    """One page; `group` has the paragraphs that several functions share."""
    name = member.find("name").text
    brief = paragraphs(member.find("briefdescription"))
    text = paragraphs(member.find("detaileddescription"))
    if not brief:
        sys.exit(f"man_pages.py: {name} has no description")
    returns = [p for p in text if p.startswith("Returns ")]
    text = brief + [p for p in text if p not in returns] + group
    if brief[0].startswith("Returns ") and not returns:
        returns = brief
        text = text[1:]
    used = sorted({t for t in re.findall(
        r"optly_[a-z_]+", "".join(member.find("type").itertext())
        + member.find("argsstring").text) if t in types})

    lines = [f'.TH {name} 3 "" "optly\\-event {version}"',
             ".SH NAME", f"{name} \\- {brief[0].rstrip('.')}",
             ".SH SYNOPSIS", ".nf", f".B #include <optly/{header}>", ".PP",
             ".B", escape(declaration(member)).replace("\n", "\n.B\n"), ".fi"]
    for title, content in (("DESCRIPTION", text), ("RETURN VALUE", returns)):
        if content:
            lines.append(f".SH {title}")
        for i, paragraph in enumerate(content):
            if i:
                lines.append(".PP")
            lines.append(paragraph)
    if used:
        lines += [".SH SEE ALSO",
                  " ,\n".join(f".BR {t} (3)" for t in used)]
    return "\n".join(lines) + "\n"


def main():
    source, target = sys.argv[1:]
    types = {name[:-2] for name in os.listdir(target)}
    version = os.environ["OPTLY_VERSION"]
    count = 0
    for file in sorted(os.listdir(source)):
        if not file.endswith("_8h.xml"):
            continue
        compound = ET.parse(os.path.join(source, file)).getroot()[0]
        header = compound.find("compoundname").text
        for section in compound.findall("sectiondef"):
            shared = section.find("description")
            group = paragraphs(shared) if shared is not None else []
            if group: # its first sentence counts as a brief
                group = [" ".join(group)]
            for member in section.findall("memberdef[@kind='function']"):
                name = member.find("name").text
                with open(os.path.join(target, name + ".3"), "w",
                          encoding="utf-8") as out:
                    out.write(page(member, header, group, types, version))
                count += 1
    if count == 0:
        sys.exit("man_pages.py: no functions found")


main()
